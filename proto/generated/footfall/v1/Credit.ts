// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface Credit {
  'accessUnits'?: (number | string | Long);
  'bytes'?: (number | string | Long);
}

export interface Credit__Output {
  'accessUnits': (number);
  'bytes': (number);
}
