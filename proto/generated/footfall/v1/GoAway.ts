// Original file: footfall/v1/counting.proto


export interface GoAway {
  'sentence'?: (string);
}

export interface GoAway__Output {
  'sentence': (string);
}
