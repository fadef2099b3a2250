// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface LineCounts {
  'name'?: (string);
  'in'?: (number | string | Long);
  'out'?: (number | string | Long);
}

export interface LineCounts__Output {
  'name': (string);
  'in': (number);
  'out': (number);
}
