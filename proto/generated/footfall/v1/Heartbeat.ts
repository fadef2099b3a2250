// Original file: footfall/v1/counting.proto


export interface Heartbeat {
}

export interface Heartbeat__Output {
}
