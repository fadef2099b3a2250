// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface StoreCheckpoint {
  'serial'?: (number | string | Long);
  'position'?: (number | string | Long);
  'presentationMicros'?: (number | string | Long);
  'checkpoint'?: (Buffer | Uint8Array | string);
}

export interface StoreCheckpoint__Output {
  'serial': (number);
  'position': (number);
  'presentationMicros': (number);
  'checkpoint': (Buffer);
}
