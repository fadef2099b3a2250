// Original file: footfall/v1/counting.proto

import type { StreamName as _footfall_v1_StreamName, StreamName__Output as _footfall_v1_StreamName__Output } from '../../footfall/v1/StreamName.ts';
import type { Long } from '@grpc/proto-loader';

export interface Hello {
  'stream'?: (_footfall_v1_StreamName | null);
  'session'?: (string);
  'lastTerm'?: (number | string | Long);
  'sessionStartMicros'?: (number | string | Long);
  'recorded'?: (boolean);
}

export interface Hello__Output {
  'stream': (_footfall_v1_StreamName__Output | null);
  'session': (string);
  'lastTerm': (number);
  'sessionStartMicros': (number);
  'recorded': (boolean);
}
