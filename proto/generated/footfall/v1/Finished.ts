// Original file: footfall/v1/counting.proto


export interface Finished {
}

export interface Finished__Output {
}
