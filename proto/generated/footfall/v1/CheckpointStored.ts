// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface CheckpointStored {
  'serial'?: (number | string | Long);
}

export interface CheckpointStored__Output {
  'serial': (number);
}
