// Original file: footfall/v1/counting.proto

import type { LineCounts as _footfall_v1_LineCounts, LineCounts__Output as _footfall_v1_LineCounts__Output } from '../../footfall/v1/LineCounts.ts';
import type { ZoneCounts as _footfall_v1_ZoneCounts, ZoneCounts__Output as _footfall_v1_ZoneCounts__Output } from '../../footfall/v1/ZoneCounts.ts';
import type { Finding as _footfall_v1_Finding, Finding__Output as _footfall_v1_Finding__Output } from '../../footfall/v1/Finding.ts';
import type { Long } from '@grpc/proto-loader';

export interface Counts {
  'position'?: (number | string | Long);
  'presentationMicros'?: (number | string | Long);
  'in'?: (number | string | Long);
  'out'?: (number | string | Long);
  'lines'?: (_footfall_v1_LineCounts)[];
  'zones'?: (_footfall_v1_ZoneCounts)[];
  'frames'?: (number | string | Long);
  'gaps'?: (number | string | Long);
  'gapMicros'?: (number | string | Long);
  'committedPosition'?: (number | string | Long);
  'provisional'?: (boolean);
  'term'?: (number | string | Long);
  'inside'?: (number | string | Long);
  'doubtfulMicros'?: (number | string | Long);
  'findings'?: (_footfall_v1_Finding)[];
}

export interface Counts__Output {
  'position': (number);
  'presentationMicros': (number);
  'in': (number);
  'out': (number);
  'lines': (_footfall_v1_LineCounts__Output)[];
  'zones': (_footfall_v1_ZoneCounts__Output)[];
  'frames': (number);
  'gaps': (number);
  'gapMicros': (number);
  'committedPosition': (number);
  'provisional': (boolean);
  'term': (number);
  'inside': (number);
  'doubtfulMicros': (number);
  'findings': (_footfall_v1_Finding__Output)[];
}
