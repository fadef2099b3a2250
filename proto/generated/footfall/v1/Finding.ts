// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface Finding {
  'type'?: (string);
  'reason'?: (string);
  'message'?: (string);
  'sinceMicros'?: (number | string | Long);
}

export interface Finding__Output {
  'type': (string);
  'reason': (string);
  'message': (string);
  'sinceMicros': (number);
}
