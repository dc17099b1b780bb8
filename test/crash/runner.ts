// A real run (or a real recovery at a start) that kills itself at one exact moment, if it is told to. Its argument is
// a Task as JSON. Everything that goes between the engine and the world is counted; at number `at` comes SIGKILL.
import { readFileSync, writeSync } from 'node:fs';
import { systemClock } from '../../src/core/clock.ts';
import type { Plan } from '../../src/core/model.ts';
import type { Clock } from '../../src/core/ports.ts';
import { openCatalogue } from '../../src/sdk/catalogue.ts';
import { openEngine } from '../../src/sdk/engine.ts';
import { watchedCatalogue } from './watched.ts';

export interface Task {
  readonly state: string;
  /** The plan's file; absent: recover what is outstanding. */
  readonly plan?: string | undefined;
  /** Die at this moment; absent: live. */
  readonly at?: number | undefined;
  /** Count from the start, or from the first intent. */
  readonly from: 'start' | 'intent';
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
let counting = task.from === 'start';
let moments = 0;
let intents = 0;

/** One moment at which the process may die. */
function moment(): void {
  if (counting && ++moments === task.at) process.kill(process.pid, 'SIGKILL');
}

const say = (line: string) => writeSync(1, `${line}\n`);

const catalogue = watchedCatalogue(openCatalogue(), moment);

/** The journal asks for the time immediately before it writes an event. */
const clock: Clock = {
  ...systemClock,
  now() {
    moment();
    return systemClock.now();
  },
};

const engine = openEngine({ state: task.state, catalogue, clock });
say('go');
if (task.plan) {
  const plan = JSON.parse(readFileSync(task.plan, 'utf8')) as Plan;
  await engine.runPlan(plan, {
    author: 'crash-test',
    execute: true,
    onEvent(event) {
      if (event.type === 'intent') {
        if (++intents === 1) say('intent');
        counting = true;
      }
      moment();
    },
  });
} else {
  await engine.recoverAll('startup', 'crash-test');
}
say(`moments ${moments}`);
