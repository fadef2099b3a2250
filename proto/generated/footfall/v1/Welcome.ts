// Original file: footfall/v1/counting.proto

import type { Long } from '@grpc/proto-loader';

export interface Welcome {
  'term'?: (number | string | Long);
  'position'?: (number | string | Long);
}

export interface Welcome__Output {
  'term': (number);
  'position': (number);
}
