import exec from './exec.ts';
import file from './file.ts';
import http from './http.ts';
import type { AnyProbe } from './probe.ts';
import process from './process.ts';
import prometheus from './prometheus.ts';
import tcp from './tcp.ts';

/** All probes. A test holds the list against the files of this folder. */
export const probes: readonly AnyProbe[] = [exec, file, http, process, prometheus, tcp];
