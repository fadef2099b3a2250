// Original file: footfall/v1/counting.proto


export interface Codec {
  'fourcc'?: (Buffer | Uint8Array | string);
  'privateData'?: (Buffer | Uint8Array | string);
  'width'?: (number);
  'height'?: (number);
  'decodeDelay'?: (number);
}

export interface Codec__Output {
  'fourcc': (Buffer);
  'privateData': (Buffer);
  'width': (number);
  'height': (number);
  'decodeDelay': (number);
}
