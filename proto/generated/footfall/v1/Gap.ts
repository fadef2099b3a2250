// Original file: footfall/v1/counting.proto

import type { GapReason as _footfall_v1_GapReason, GapReason__Output as _footfall_v1_GapReason__Output } from '../../footfall/v1/GapReason.ts';
import type { Codec as _footfall_v1_Codec, Codec__Output as _footfall_v1_Codec__Output } from '../../footfall/v1/Codec.ts';
import type { Long } from '@grpc/proto-loader';

export interface Gap {
  'after'?: (number | string | Long);
  'next'?: (number | string | Long);
  'fromMicros'?: (number | string | Long);
  'toMicros'?: (number | string | Long);
  'reason'?: (_footfall_v1_GapReason);
  'codec'?: (_footfall_v1_Codec | null);
}

export interface Gap__Output {
  'after': (number);
  'next': (number);
  'fromMicros': (number);
  'toMicros': (number);
  'reason': (_footfall_v1_GapReason__Output);
  'codec': (_footfall_v1_Codec__Output | null);
}
