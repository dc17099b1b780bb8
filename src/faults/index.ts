import containerExec from './container-exec.ts';
import containerKill from './container-kill.ts';
import containerPause from './container-pause.ts';
import containerRecreate from './container-recreate.ts';
import containerRemove from './container-remove.ts';
import containerRestart from './container-restart.ts';
import containerStart from './container-start.ts';
import containerStop from './container-stop.ts';
import cpuStress from './cpu-stress.ts';
import diskFill from './disk-fill.ts';
import type { AnyFault } from './fault.ts';
import fdExhaust from './fd-exhaust.ts';
import fileCorrupt from './file-corrupt.ts';
import fileDelete from './file-delete.ts';
import filePermission from './file-permission.ts';
import ioStress from './io-stress.ts';
import memoryExhaust from './memory-exhaust.ts';
import memoryStress from './memory-stress.ts';
import networkCombine from './network-combine.ts';
import networkCorrupt from './network-corrupt.ts';
import networkDelay from './network-delay.ts';
import networkDown from './network-down.ts';
import networkDuplicate from './network-duplicate.ts';
import networkLoss from './network-loss.ts';
import networkPartition from './network-partition.ts';
import networkRate from './network-rate.ts';
import networkReorder from './network-reorder.ts';
import networkReset from './network-reset.ts';
import nodeCordon from './node-cordon.ts';
import nodeDrain from './node-drain.ts';
import pidsExhaust from './pids-exhaust.ts';
import podEvict from './pod-evict.ts';
import podFailure from './pod-failure.ts';
import podKill from './pod-kill.ts';
import processKill from './process-kill.ts';
import processPause from './process-pause.ts';
import processPriority from './process-priority.ts';
import processRestart from './process-restart.ts';
import processStop from './process-stop.ts';
import proxyBandwidth from './proxy-bandwidth.ts';
import proxyDown from './proxy-down.ts';
import proxyLatency from './proxy-latency.ts';
import proxyLimitData from './proxy-limit-data.ts';
import proxyResetPeer from './proxy-reset-peer.ts';
import proxySlicer from './proxy-slicer.ts';
import proxySlowClose from './proxy-slow-close.ts';
import proxyTimeout from './proxy-timeout.ts';
import stress from './stress.ts';
import workloadScale from './workload-scale.ts';

/** The catalogue. A test holds it against the files of this folder. */
export const faults: readonly AnyFault[] = [
  containerExec,
  containerKill,
  containerPause,
  containerRecreate,
  containerRemove,
  containerRestart,
  containerStart,
  containerStop,
  cpuStress,
  diskFill,
  fdExhaust,
  fileCorrupt,
  fileDelete,
  filePermission,
  ioStress,
  memoryExhaust,
  memoryStress,
  networkCombine,
  networkCorrupt,
  networkDelay,
  networkDown,
  networkDuplicate,
  networkLoss,
  networkPartition,
  networkRate,
  networkReorder,
  networkReset,
  nodeCordon,
  nodeDrain,
  pidsExhaust,
  podEvict,
  podFailure,
  podKill,
  processKill,
  processPause,
  processPriority,
  processRestart,
  processStop,
  proxyBandwidth,
  proxyDown,
  proxyLatency,
  proxyLimitData,
  proxyResetPeer,
  proxySlicer,
  proxySlowClose,
  proxyTimeout,
  stress,
  workloadScale,
];
