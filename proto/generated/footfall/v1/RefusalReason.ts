// Original file: footfall/v1/counting.proto

export const RefusalReason = {
  REFUSAL_REASON_UNSPECIFIED: 'REFUSAL_REASON_UNSPECIFIED',
  UNKNOWN_STREAM: 'UNKNOWN_STREAM',
  FULL: 'FULL',
  SUPERSEDED: 'SUPERSEDED',
  UNAUTHORIZED: 'UNAUTHORIZED',
  INVALID: 'INVALID',
  DRAINING: 'DRAINING',
  MODEL_UNAVAILABLE: 'MODEL_UNAVAILABLE',
  UNDECODABLE: 'UNDECODABLE',
  LEDGER_UNAVAILABLE: 'LEDGER_UNAVAILABLE',
  FENCED: 'FENCED',
  SUSPENDED: 'SUSPENDED',
} as const;

export type RefusalReason =
  | 'REFUSAL_REASON_UNSPECIFIED'
  | 0
  | 'UNKNOWN_STREAM'
  | 1
  | 'FULL'
  | 2
  | 'SUPERSEDED'
  | 3
  | 'UNAUTHORIZED'
  | 4
  | 'INVALID'
  | 5
  | 'DRAINING'
  | 6
  | 'MODEL_UNAVAILABLE'
  | 7
  | 'UNDECODABLE'
  | 8
  | 'LEDGER_UNAVAILABLE'
  | 9
  | 'FENCED'
  | 10
  | 'SUSPENDED'
  | 11

export type RefusalReason__Output = typeof RefusalReason[keyof typeof RefusalReason]
