// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface EndOfStream {
  'lastNumber'?: (number | string | Long);
  'paused'?: (boolean);
}

export interface EndOfStream__Output {
  'lastNumber': (number);
  'paused': (boolean);
}
