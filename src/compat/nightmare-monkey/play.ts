import type { EnginePort } from '../../core/engine-port.ts';
import type { JsonObject } from '../../core/model.ts';
import type { Clock } from '../../core/ports.ts';
import { seededRng } from '../../core/rng.ts';
import { aborted } from '../../core/signal.ts';
import { type Listening, listen } from '../../server/index.ts';
import { killApi } from './api.ts';
import { monkeyChat, monkeyCounter } from './extras.ts';
import { logPrefix, oneLine } from './go-text.ts';
import { appName } from './help.ts';
import { createPicker, type Picked, type Victim } from './pick.ts';
import type { Settings } from './settings.ts';
import { timerLoop } from './timer.ts';

export interface PlayOptions {
  readonly settings: Settings;
  readonly engine: EnginePort;
  readonly stdout: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly selector?: JsonObject;
}

export interface Monkey {
  readonly url: string;
  /** Resolves when it was stopped and everything in flight has ended. */
  readonly done: Promise<void>;
}

/** Timer, API, chat and counter over one picker. Throws before the first line when it cannot listen. */
export async function play(options: PlayOptions): Promise<Monkey> {
  const { settings, engine, stdout, env, clock, signal } = options;
  const { execute, sealed } = settings;
  const log = (line: string) => void stdout.write(`${logPrefix(clock.now())}${oneLine(line)}\n`);
  const answers: string[] = [];
  /** What a drill hides until it is over. */
  const tell = (line: string) => {
    if (sealed) answers.push(`${logPrefix(clock.now())}${oneLine(line)}\n`);
    else log(line);
  };

  const pick = createPicker({
    engine,
    clock,
    window: settings.window,
    execute,
    sealed,
    seed: settings.seed,
    signal,
    ...(options.selector ? { selector: options.selector } : {}),
  });
  const inFlight = new Set<Promise<Picked>>();
  const kill = async (desc: string): Promise<Picked> => {
    const picking = pick(desc);
    inFlight.add(picking);
    const picked = await picking.finally(() => inFlight.delete(picking));
    if (picked.kind === 'asleep') log(`refused: ${appName} is sleeping now - ${desc}`);
    else tell(pickedLine(picked, desc, execute));
    return picked;
  };

  const token = env.ZASHIKI_TOKEN || undefined;
  const chat = settings.chat ? monkeyChat({ settings: settings.chat, env, engine, kill, execute, clock }) : undefined;
  const api: Listening = await listen({
    fetch: killApi({ kill, log, execute, sealed, token, chat }).fetch,
    host: settings.host,
    port: settings.port,
    guarded: token !== undefined,
  });

  for (const line of opening(settings, api.url)) log(line);
  const tick = async () => {
    const picked = await pick('by monkey');
    if (picked.kind === 'asleep') log(`${appName} is sleeping with good dream.`);
    else tell(pickedLine(picked, 'by monkey', execute));
  };
  const rng = seededRng(settings.seed, 'wait');
  const loops = [
    timerLoop({ clock, rng, min: settings.minInterval, max: settings.maxInterval, log, tick }, signal),
    settings.counter ? monkeyCounter(settings.counter, kill, clock, log).loop(signal) : undefined,
  ];
  const close = async () => {
    await aborted(signal);
    await api.close();
    await Promise.all([...loops, ...inFlight]);
    for (const line of answers) stdout.write(line);
  };
  return { url: api.url, done: close() };
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const two = (n: number) => String(n).padStart(2, '0');
const clockText = (minute: number) => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

function opening({ window, days, seed, execute }: Settings, url: string): readonly string[] {
  const hours = `from ${clockText(window.from)} to ${clockText(window.to)}`;
  return [
    `${appName} is playing ${hours}, ${dayNames[days[0]]} thru ${dayNames[days[1]]}.`,
    `Seed: ${seed}${execute ? '' : ' (dry run, nothing is killed; --execute changes that)'}`,
    `API: ${url}`,
  ];
}

function pickedLine(picked: Exclude<Picked, { kind: 'asleep' }>, desc: string, execute: boolean): string {
  if (picked.kind === 'refused') return `error: ${picked.message}`;
  if (picked.kind === 'killed') return `${execute ? '' : '(Dryrun) '}Kill: ${named(picked.victim)} - ${desc}`;
  if (!picked.victim) return `error: ${picked.message}`;
  return `error: attempt to kill ${named(picked.victim)} and got error: ${picked.message}`;
}

const named = ({ name, pid, ppid }: Victim) => `${name}(PID:${pid} PPID:${ppid})`;
