import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, TargetRef } from '../../core/model.ts';

/** One act of a fault in a process of its own, which knows nothing but this. */
export interface Elsewhere {
  readonly modules: { readonly fault: URL; readonly platform: URL };
  readonly act: 'inject' | 'recover';
  readonly undo: Json;
  readonly target: TargetRef;
  readonly params: unknown;
  readonly tag: string;
  readonly keep: string;
}

/** What the other process saw: for recover, its verify; for inject, its observe. `took` is the act alone, in ms. */
export type Report = { readonly yes: boolean; readonly detail: string; readonly took: number };

// Runs from standard input as it stands: it may use nothing but Node and the two modules.
const program = `
const { modules, act, undo, target, params, tag, keep } = JSON.parse(process.argv[1]);
const fault = (await import(modules.fault)).default;
const platform = (await import(modules.platform)).default;
const clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
const alone = { owner: 'alone', siblings: () => [], addressesOf: async () => [] };
const context = { ...alone, tag, keep, clock, ttl: 120000, signal: new AbortController().signal };
const given = fault.params.parse(params);
const on = await platform.attach(target);
process.stdout.write('go\\n');
const from = performance.now();
let sighting;
if (act === 'recover') {
  await fault.recover(on, undo, context);
  sighting = await fault.verify(on, undo, context);
} else {
  await fault.inject(on, given, undo, context);
  sighting = { yes: true, detail: 'injected' };
}
process.stdout.write(JSON.stringify({ ...sighting, took: performance.now() - from }) + '\\n');
`;

/** Start it. Either wait for its report, or kill it some milliseconds after the act began. */
export function elsewhere(task: Elsewhere): {
  finished(): Promise<Report>;
  killedAfter(ms: number): Promise<void>;
} {
  const { modules } = task;
  const urls = { fault: modules.fault.href, platform: modules.platform.href };
  // Sources are read through tsx, built files as they are.
  const typed = Object.values(urls).some((url) => url.endsWith('.ts'));
  const loader = typed ? ['--import', createRequire(import.meta.url).resolve('tsx')] : [];
  const args = [...loader, '--input-type=module', '-e', program, JSON.stringify({ ...task, modules: urls })];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, errors] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const begun = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.startsWith('go\n')) resolve();
    });
  });
  return {
    async finished() {
      await ended;
      const report = out.split('\n')[1];
      if (!report) throw new Error(`the other process gave no report: ${errors}`);
      return JSON.parse(report) as Report;
    },
    async killedAfter(ms) {
      await Promise.race([begun, ended]);
      if (!out) throw new Error(`the other process did not begin: ${errors}`);
      await sleep(ms);
      child.kill('SIGKILL');
      await ended;
    },
  };
}
