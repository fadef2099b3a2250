// Original file: footfall/v1/counting.proto


export interface Identity {
  'token'?: (string);
}

export interface Identity__Output {
  'token': (string);
}
