import type { Kind } from '../kind.ts';
import { dnsChaos } from './dns-chaos.ts';
import { httpChaos } from './http-chaos.ts';
import { ioChaos } from './io-chaos.ts';
import { networkChaos } from './network-chaos.ts';
import { podChaos } from './pod-chaos.ts';
import { stressChaos } from './stress-chaos.ts';
import { timeChaos } from './time-chaos.ts';

/** Kinds whose `spec` may stand as a block in a Schedule and a Workflow. */
export const chaosKinds: readonly Kind[] = [
  podChaos,
  networkChaos,
  stressChaos,
  ioChaos,
  timeChaos,
  dnsChaos,
  httpChaos,
];

/** By kind. */
export const chaosKind = (name: unknown): Kind | undefined => chaosKinds.find(({ kind }) => kind === name);

/** One optional field for each block. */
export const blockShape = Object.fromEntries(
  chaosKinds.map(({ block = '', kind, spec }) => [block, spec.optional().describe(`The spec of a ${kind}.`)]),
);

/** Blocks of kinds that are not supported: known by name only. */
export const foreignBlocks: Readonly<Record<string, string>> = {
  awsChaos: 'AWSChaos',
  azureChaos: 'AzureChaos',
  blockChaos: 'BlockChaos',
  gcpChaos: 'GCPChaos',
  jvmChaos: 'JVMChaos',
  kernelChaos: 'KernelChaos',
  physicalmachineChaos: 'PhysicalMachineChaos',
};
