// Original file: footfall/v1/counting.proto

import type { Welcome as _footfall_v1_Welcome, Welcome__Output as _footfall_v1_Welcome__Output } from '../../footfall/v1/Welcome.ts';
import type { Refusal as _footfall_v1_Refusal, Refusal__Output as _footfall_v1_Refusal__Output } from '../../footfall/v1/Refusal.ts';
import type { Credit as _footfall_v1_Credit, Credit__Output as _footfall_v1_Credit__Output } from '../../footfall/v1/Credit.ts';
import type { Counts as _footfall_v1_Counts, Counts__Output as _footfall_v1_Counts__Output } from '../../footfall/v1/Counts.ts';
import type { StoreCheckpoint as _footfall_v1_StoreCheckpoint, StoreCheckpoint__Output as _footfall_v1_StoreCheckpoint__Output } from '../../footfall/v1/StoreCheckpoint.ts';
import type { Release as _footfall_v1_Release, Release__Output as _footfall_v1_Release__Output } from '../../footfall/v1/Release.ts';
import type { GoAway as _footfall_v1_GoAway, GoAway__Output as _footfall_v1_GoAway__Output } from '../../footfall/v1/GoAway.ts';
import type { Finished as _footfall_v1_Finished, Finished__Output as _footfall_v1_Finished__Output } from '../../footfall/v1/Finished.ts';
import type { Heartbeat as _footfall_v1_Heartbeat, Heartbeat__Output as _footfall_v1_Heartbeat__Output } from '../../footfall/v1/Heartbeat.ts';

export interface CounterMessage {
  'welcome'?: (_footfall_v1_Welcome | null);
  'refusal'?: (_footfall_v1_Refusal | null);
  'credit'?: (_footfall_v1_Credit | null);
  'counts'?: (_footfall_v1_Counts | null);
  'storeCheckpoint'?: (_footfall_v1_StoreCheckpoint | null);
  'release'?: (_footfall_v1_Release | null);
  'goAway'?: (_footfall_v1_GoAway | null);
  'finished'?: (_footfall_v1_Finished | null);
  'heartbeat'?: (_footfall_v1_Heartbeat | null);
  'message'?: "welcome"|"refusal"|"credit"|"counts"|"storeCheckpoint"|"release"|"goAway"|"finished"|"heartbeat";
}

export interface CounterMessage__Output {
  'welcome'?: (_footfall_v1_Welcome__Output | null);
  'refusal'?: (_footfall_v1_Refusal__Output | null);
  'credit'?: (_footfall_v1_Credit__Output | null);
  'counts'?: (_footfall_v1_Counts__Output | null);
  'storeCheckpoint'?: (_footfall_v1_StoreCheckpoint__Output | null);
  'release'?: (_footfall_v1_Release__Output | null);
  'goAway'?: (_footfall_v1_GoAway__Output | null);
  'finished'?: (_footfall_v1_Finished__Output | null);
  'heartbeat'?: (_footfall_v1_Heartbeat__Output | null);
  'message'?: "welcome"|"refusal"|"credit"|"counts"|"storeCheckpoint"|"release"|"goAway"|"finished"|"heartbeat";
}
