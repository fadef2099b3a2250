import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AccessUnit as _footfall_v1_AccessUnit, AccessUnit__Output as _footfall_v1_AccessUnit__Output } from './footfall/v1/AccessUnit.ts';
import type { AgentMessage as _footfall_v1_AgentMessage, AgentMessage__Output as _footfall_v1_AgentMessage__Output } from './footfall/v1/AgentMessage.ts';
import type { Camera as _footfall_v1_Camera, Camera__Output as _footfall_v1_Camera__Output } from './footfall/v1/Camera.ts';
import type { CheckpointStored as _footfall_v1_CheckpointStored, CheckpointStored__Output as _footfall_v1_CheckpointStored__Output } from './footfall/v1/CheckpointStored.ts';
import type { Codec as _footfall_v1_Codec, Codec__Output as _footfall_v1_Codec__Output } from './footfall/v1/Codec.ts';
import type { CounterMessage as _footfall_v1_CounterMessage, CounterMessage__Output as _footfall_v1_CounterMessage__Output } from './footfall/v1/CounterMessage.ts';
import type { CountingClient as _footfall_v1_CountingClient, CountingDefinition as _footfall_v1_CountingDefinition } from './footfall/v1/Counting.ts';
import type { Counts as _footfall_v1_Counts, Counts__Output as _footfall_v1_Counts__Output } from './footfall/v1/Counts.ts';
import type { Credit as _footfall_v1_Credit, Credit__Output as _footfall_v1_Credit__Output } from './footfall/v1/Credit.ts';
import type { EndOfStream as _footfall_v1_EndOfStream, EndOfStream__Output as _footfall_v1_EndOfStream__Output } from './footfall/v1/EndOfStream.ts';
import type { Finding as _footfall_v1_Finding, Finding__Output as _footfall_v1_Finding__Output } from './footfall/v1/Finding.ts';
import type { Finished as _footfall_v1_Finished, Finished__Output as _footfall_v1_Finished__Output } from './footfall/v1/Finished.ts';
import type { Gap as _footfall_v1_Gap, Gap__Output as _footfall_v1_Gap__Output } from './footfall/v1/Gap.ts';
import type { GoAway as _footfall_v1_GoAway, GoAway__Output as _footfall_v1_GoAway__Output } from './footfall/v1/GoAway.ts';
import type { Heartbeat as _footfall_v1_Heartbeat, Heartbeat__Output as _footfall_v1_Heartbeat__Output } from './footfall/v1/Heartbeat.ts';
import type { Hello as _footfall_v1_Hello, Hello__Output as _footfall_v1_Hello__Output } from './footfall/v1/Hello.ts';
import type { Identity as _footfall_v1_Identity, Identity__Output as _footfall_v1_Identity__Output } from './footfall/v1/Identity.ts';
import type { LineCounts as _footfall_v1_LineCounts, LineCounts__Output as _footfall_v1_LineCounts__Output } from './footfall/v1/LineCounts.ts';
import type { Refusal as _footfall_v1_Refusal, Refusal__Output as _footfall_v1_Refusal__Output } from './footfall/v1/Refusal.ts';
import type { Release as _footfall_v1_Release, Release__Output as _footfall_v1_Release__Output } from './footfall/v1/Release.ts';
import type { Resume as _footfall_v1_Resume, Resume__Output as _footfall_v1_Resume__Output } from './footfall/v1/Resume.ts';
import type { StoreCheckpoint as _footfall_v1_StoreCheckpoint, StoreCheckpoint__Output as _footfall_v1_StoreCheckpoint__Output } from './footfall/v1/StoreCheckpoint.ts';
import type { StreamName as _footfall_v1_StreamName, StreamName__Output as _footfall_v1_StreamName__Output } from './footfall/v1/StreamName.ts';
import type { Welcome as _footfall_v1_Welcome, Welcome__Output as _footfall_v1_Welcome__Output } from './footfall/v1/Welcome.ts';
import type { ZoneCounts as _footfall_v1_ZoneCounts, ZoneCounts__Output as _footfall_v1_ZoneCounts__Output } from './footfall/v1/ZoneCounts.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  footfall: {
    v1: {
      AccessUnit: MessageTypeDefinition<_footfall_v1_AccessUnit, _footfall_v1_AccessUnit__Output>
      AgentMessage: MessageTypeDefinition<_footfall_v1_AgentMessage, _footfall_v1_AgentMessage__Output>
      Camera: MessageTypeDefinition<_footfall_v1_Camera, _footfall_v1_Camera__Output>
      CheckpointStored: MessageTypeDefinition<_footfall_v1_CheckpointStored, _footfall_v1_CheckpointStored__Output>
      Codec: MessageTypeDefinition<_footfall_v1_Codec, _footfall_v1_Codec__Output>
      CounterMessage: MessageTypeDefinition<_footfall_v1_CounterMessage, _footfall_v1_CounterMessage__Output>
      Counting: SubtypeConstructor<typeof grpc.Client, _footfall_v1_CountingClient> & { service: _footfall_v1_CountingDefinition }
      Counts: MessageTypeDefinition<_footfall_v1_Counts, _footfall_v1_Counts__Output>
      Credit: MessageTypeDefinition<_footfall_v1_Credit, _footfall_v1_Credit__Output>
      EndOfStream: MessageTypeDefinition<_footfall_v1_EndOfStream, _footfall_v1_EndOfStream__Output>
      Finding: MessageTypeDefinition<_footfall_v1_Finding, _footfall_v1_Finding__Output>
      Finished: MessageTypeDefinition<_footfall_v1_Finished, _footfall_v1_Finished__Output>
      Gap: MessageTypeDefinition<_footfall_v1_Gap, _footfall_v1_Gap__Output>
      GapReason: EnumTypeDefinition
      GoAway: MessageTypeDefinition<_footfall_v1_GoAway, _footfall_v1_GoAway__Output>
      Heartbeat: MessageTypeDefinition<_footfall_v1_Heartbeat, _footfall_v1_Heartbeat__Output>
      Hello: MessageTypeDefinition<_footfall_v1_Hello, _footfall_v1_Hello__Output>
      Identity: MessageTypeDefinition<_footfall_v1_Identity, _footfall_v1_Identity__Output>
      LineCounts: MessageTypeDefinition<_footfall_v1_LineCounts, _footfall_v1_LineCounts__Output>
      Refusal: MessageTypeDefinition<_footfall_v1_Refusal, _footfall_v1_Refusal__Output>
      RefusalReason: EnumTypeDefinition
      Release: MessageTypeDefinition<_footfall_v1_Release, _footfall_v1_Release__Output>
      Resume: MessageTypeDefinition<_footfall_v1_Resume, _footfall_v1_Resume__Output>
      StoreCheckpoint: MessageTypeDefinition<_footfall_v1_StoreCheckpoint, _footfall_v1_StoreCheckpoint__Output>
      StreamName: MessageTypeDefinition<_footfall_v1_StreamName, _footfall_v1_StreamName__Output>
      Welcome: MessageTypeDefinition<_footfall_v1_Welcome, _footfall_v1_Welcome__Output>
      ZoneCounts: MessageTypeDefinition<_footfall_v1_ZoneCounts, _footfall_v1_ZoneCounts__Output>
    }
  }
}

