// Original file: footfall/v1/counting.proto


export interface StreamName {
  'namespace'?: (string);
  'name'?: (string);
  'uid'?: (string);
}

export interface StreamName__Output {
  'namespace': (string);
  'name': (string);
  'uid': (string);
}
