// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface Release {
  'serial'?: (number | string | Long);
}

export interface Release__Output {
  'serial': (number);
}
