// Original file: footfall/v1/counting.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { AgentMessage as _footfall_v1_AgentMessage, AgentMessage__Output as _footfall_v1_AgentMessage__Output } from '../../footfall/v1/AgentMessage.ts';
import type { CounterMessage as _footfall_v1_CounterMessage, CounterMessage__Output as _footfall_v1_CounterMessage__Output } from '../../footfall/v1/CounterMessage.ts';

export interface CountingClient extends grpc.Client {
  Count(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_footfall_v1_AgentMessage, _footfall_v1_CounterMessage__Output>;
  Count(options?: grpc.CallOptions): grpc.ClientDuplexStream<_footfall_v1_AgentMessage, _footfall_v1_CounterMessage__Output>;
  count(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_footfall_v1_AgentMessage, _footfall_v1_CounterMessage__Output>;
  count(options?: grpc.CallOptions): grpc.ClientDuplexStream<_footfall_v1_AgentMessage, _footfall_v1_CounterMessage__Output>;
  
}

export interface CountingHandlers extends grpc.UntypedServiceImplementation {
  Count: grpc.handleBidiStreamingCall<_footfall_v1_AgentMessage__Output, _footfall_v1_CounterMessage>;
  
}

export interface CountingDefinition extends grpc.ServiceDefinition {
  Count: MethodDefinition<_footfall_v1_AgentMessage, _footfall_v1_CounterMessage, _footfall_v1_AgentMessage__Output, _footfall_v1_CounterMessage__Output>
}
