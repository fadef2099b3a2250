// Original file: footfall/v1/counting.proto

import type { Codec as _footfall_v1_Codec, Codec__Output as _footfall_v1_Codec__Output } from '../../footfall/v1/Codec.ts';
import type { Long } from '@grpc/proto-loader';

export interface Resume {
  'checkpoint'?: (Buffer | Uint8Array | string);
  'codec'?: (_footfall_v1_Codec | null);
  'takenMicros'?: (number | string | Long);
}

export interface Resume__Output {
  'checkpoint': (Buffer);
  'codec': (_footfall_v1_Codec__Output | null);
  'takenMicros': (number);
}
