// Original file: footfall/v1/counting.proto

export const GapReason = {
  GAP_REASON_UNSPECIFIED: 'GAP_REASON_UNSPECIFIED',
  CAMERA_LOST: 'CAMERA_LOST',
  RING_FULL: 'RING_FULL',
  CHECKPOINT_LOST: 'CHECKPOINT_LOST',
  AGENT_REPLACED: 'AGENT_REPLACED',
  PASSED_OVER: 'PASSED_OVER',
  RING_DAMAGED: 'RING_DAMAGED',
  UNDECODABLE_VIDEO: 'UNDECODABLE_VIDEO',
} as const;

export type GapReason =
  | 'GAP_REASON_UNSPECIFIED'
  | 0
  | 'CAMERA_LOST'
  | 1
  | 'RING_FULL'
  | 2
  | 'CHECKPOINT_LOST'
  | 3
  | 'AGENT_REPLACED'
  | 4
  | 'PASSED_OVER'
  | 5
  | 'RING_DAMAGED'
  | 6
  | 'UNDECODABLE_VIDEO'
  | 7

export type GapReason__Output = typeof GapReason[keyof typeof GapReason]
