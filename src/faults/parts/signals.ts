import { constants } from 'node:os';
import { z } from 'zod';
import type { ProcessState, SignalCapability } from '../../capabilities/signal.ts';
import type { Milliseconds } from '../../core/model.ts';
import { nearest } from '../../core/nearest.ts';
import type { FaultContext } from '../../core/ports.ts';
import { poll } from './wait.ts';

const numbers: Readonly<Record<string, number>> = constants.signals;

/** `SIGTERM`, `TERM`, `term` or `15` → the signal's full name. */
export const Signal = z
  .union([z.string(), z.int()])
  .meta({ title: 'signal', description: 'A POSIX signal by name or number.', examples: ['SIGTERM', 'HUP', 9] })
  .transform((given, context): NodeJS.Signals => {
    const text = String(given).trim().toUpperCase();
    const byNumber = Object.keys(numbers).find((name) => String(numbers[name]) === text);
    const name = byNumber ?? (text.startsWith('SIG') ? text : `SIG${text}`);
    if (name in numbers) return name as NodeJS.Signals;
    const near = nearest(name, Object.keys(numbers));
    context.addIssue({
      code: 'custom',
      message: `not a signal of this system: ${given}${near ? `; did you mean ${near}?` : '; write a name like SIGTERM'}`,
    });
    return z.NEVER;
  });

/**
 * Like `Signal`, for the main process of a container: real-time signals too, as `SIGRTMIN+3` (what systemd as a main
 * process stops by), `RTMAX-1`, or by any number up to 64.
 */
export const ContainerSignal = z
  .union([z.string(), z.int()])
  .meta({ title: 'signal', description: 'A signal by name or number.', examples: ['SIGTERM', 'HUP', 9, 'SIGRTMIN+3'] })
  .transform((given, context): string => {
    const text = String(given).trim().toUpperCase().replace(/^SIG/, '');
    const realTime = /^RTM(?:IN(?:\+(\d{1,2}))?|AX(?:-(\d{1,2}))?)$/.exec(text);
    if (realTime && Number(realTime[1] ?? realTime[2] ?? 0) <= 30) return `SIG${text}`;
    const number = Number(text);
    if (number >= 34 && number <= 64) return number <= 49 ? rtName('MIN+', number - 34) : rtName('MAX-', 64 - number);
    const posix = Signal.safeParse(given);
    if (posix.success) return posix.data;
    context.addIssue({ code: 'custom', message: posix.error.issues[0]?.message ?? 'not a signal' });
    return z.NEVER;
  });

const rtName = (from: string, by: number) => `SIGRT${by === 0 ? from.slice(0, -1) : `${from}${by}`}`;

const stopping: readonly string[] = ['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'];
const quiet: readonly string[] = ['SIGCONT', 'SIGCHLD', 'SIGURG', 'SIGWINCH', 'SIGIO', 'SIGPWR'];
const asked: readonly string[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'];

/**
 * What a signal is meant to bring about. `any`: daemons use it for requests of their own (reload, reopen logs), or it
 * is ignored by default, so a process that lives on is no surprise.
 */
export function intentOf(signal: string): 'end' | 'stop' | 'any' {
  if (stopping.includes(signal)) return 'stop';
  return quiet.includes(signal) || asked.includes(signal) || signal.startsWith('SIGRT') ? 'any' : 'end';
}

/** The process runs no more; a zombie only waits for its parent to notice. */
export const isOver = (state: ProcessState): boolean => state === 'gone' || state === 'zombie';

/** Whether the process has ended within that time. */
export async function endsWithin(
  within: Milliseconds,
  signal: SignalCapability,
  context: Pick<FaultContext, 'clock' | 'signal'>,
): Promise<boolean> {
  const over = await poll(within, context, async () => (isOver(await signal.state()) ? true : undefined));
  return over ?? false;
}
