// A real agent that kills itself at one exact moment, if it is told to. Its argument is an AgentTask as JSON. Everything
// that goes between the agent and the world is counted, from the first question on; at number `at` comes SIGKILL.
import { writeSync } from 'node:fs';
import { runAgent } from '../../src/agent/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { openCatalogue } from '../../src/sdk/catalogue.ts';
import { watchedCatalogue } from './watched.ts';

export interface AgentTask {
  readonly state: string;
  readonly socket: string;
  readonly at?: number | undefined;
}

const task = JSON.parse(process.argv[2] ?? '{}') as AgentTask;
let counting = false;
let moments = 0;

/** One moment at which the process may die. */
function moment(): void {
  if (counting && ++moments === task.at) process.kill(process.pid, 'SIGKILL');
}

const say = (line: string) => writeSync(1, `${line}\n`);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const left = await runAgent({
  ...{ state: task.state, name: 'node', version: 'crash-test', listen: [{ unix: task.socket }] },
  ...{ auth: { allowed: [] }, log: (line: string) => process.stderr.write(`${line}\n`), signal: stop.signal },
  catalogue: watchedCatalogue(openCatalogue(), moment),
  clock: {
    ...systemClock,
    // The journal asks for the time immediately before it writes an event.
    now() {
      moment();
      return systemClock.now();
    },
  },
  onListening() {
    say('listening');
    counting = true;
  },
});
say(`moments ${moments}`);
for (const line of left) say(`left ${line}`);
