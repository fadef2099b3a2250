// Original file: footfall/v1/counting.proto

import type { RefusalReason as _footfall_v1_RefusalReason, RefusalReason__Output as _footfall_v1_RefusalReason__Output } from '../../footfall/v1/RefusalReason.ts';

export interface Refusal {
  'reason'?: (_footfall_v1_RefusalReason);
  'sentence'?: (string);
}

export interface Refusal__Output {
  'reason': (_footfall_v1_RefusalReason__Output);
  'sentence': (string);
}
