// Original file: footfall/v1/counting.proto


export interface Camera {
  'connected'?: (boolean);
  'reason'?: (string);
  'sentence'?: (string);
}

export interface Camera__Output {
  'connected': (boolean);
  'reason': (string);
  'sentence': (string);
}
