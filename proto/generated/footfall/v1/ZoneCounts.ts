// Original file: footfall/v1/counting.proto


export interface ZoneCounts {
  'name'?: (string);
  'occupancy'?: (number);
}

export interface ZoneCounts__Output {
  'name': (string);
  'occupancy': (number);
}
