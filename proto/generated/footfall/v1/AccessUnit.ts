// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface AccessUnit {
  'number'?: (number | string | Long);
  'presentationMicros'?: (number | string | Long);
  'keyframe'?: (boolean);
  'data'?: (Buffer | Uint8Array | string);
}

export interface AccessUnit__Output {
  'number': (number);
  'presentationMicros': (number);
  'keyframe': (boolean);
  'data': (Buffer);
}
