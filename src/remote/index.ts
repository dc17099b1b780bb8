export { answerLines } from './answering.ts';
export { type AgentApi, type AgentsTarget, agentApi, plainRef } from './api.ts';
export { type AgentCapabilityOptions, agentCapability } from './client.ts';
export { type Dial, type LineOptions, openLine, type Wire } from './line.ts';
export { type AgentEndpoint, openTransport, parsed, type Transport, type TransportOptions } from './transport.ts';
export type { InjectionName } from './wire.ts';
