// Original file: footfall/v1/counting.proto

import type { Hello as _footfall_v1_Hello, Hello__Output as _footfall_v1_Hello__Output } from '../../footfall/v1/Hello.ts';
import type { Resume as _footfall_v1_Resume, Resume__Output as _footfall_v1_Resume__Output } from '../../footfall/v1/Resume.ts';
import type { AccessUnit as _footfall_v1_AccessUnit, AccessUnit__Output as _footfall_v1_AccessUnit__Output } from '../../footfall/v1/AccessUnit.ts';
import type { Gap as _footfall_v1_Gap, Gap__Output as _footfall_v1_Gap__Output } from '../../footfall/v1/Gap.ts';
import type { CheckpointStored as _footfall_v1_CheckpointStored, CheckpointStored__Output as _footfall_v1_CheckpointStored__Output } from '../../footfall/v1/CheckpointStored.ts';
import type { EndOfStream as _footfall_v1_EndOfStream, EndOfStream__Output as _footfall_v1_EndOfStream__Output } from '../../footfall/v1/EndOfStream.ts';
import type { Heartbeat as _footfall_v1_Heartbeat, Heartbeat__Output as _footfall_v1_Heartbeat__Output } from '../../footfall/v1/Heartbeat.ts';
import type { Camera as _footfall_v1_Camera, Camera__Output as _footfall_v1_Camera__Output } from '../../footfall/v1/Camera.ts';
import type { Identity as _footfall_v1_Identity, Identity__Output as _footfall_v1_Identity__Output } from '../../footfall/v1/Identity.ts';

export interface AgentMessage {
  'hello'?: (_footfall_v1_Hello | null);
  'resume'?: (_footfall_v1_Resume | null);
  'accessUnit'?: (_footfall_v1_AccessUnit | null);
  'gap'?: (_footfall_v1_Gap | null);
  'checkpointStored'?: (_footfall_v1_CheckpointStored | null);
  'endOfStream'?: (_footfall_v1_EndOfStream | null);
  'heartbeat'?: (_footfall_v1_Heartbeat | null);
  'camera'?: (_footfall_v1_Camera | null);
  'identity'?: (_footfall_v1_Identity | null);
  'message'?: "hello"|"resume"|"accessUnit"|"gap"|"checkpointStored"|"endOfStream"|"heartbeat"|"camera"|"identity";
}

export interface AgentMessage__Output {
  'hello'?: (_footfall_v1_Hello__Output | null);
  'resume'?: (_footfall_v1_Resume__Output | null);
  'accessUnit'?: (_footfall_v1_AccessUnit__Output | null);
  'gap'?: (_footfall_v1_Gap__Output | null);
  'checkpointStored'?: (_footfall_v1_CheckpointStored__Output | null);
  'endOfStream'?: (_footfall_v1_EndOfStream__Output | null);
  'heartbeat'?: (_footfall_v1_Heartbeat__Output | null);
  'camera'?: (_footfall_v1_Camera__Output | null);
  'identity'?: (_footfall_v1_Identity__Output | null);
  'message'?: "hello"|"resume"|"accessUnit"|"gap"|"checkpointStored"|"endOfStream"|"heartbeat"|"camera"|"identity";
}
