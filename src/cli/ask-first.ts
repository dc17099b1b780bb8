import { isCancel, select, text } from '@clack/prompts';
import type { Candidate } from './candidates.ts';
import { usage } from './context.ts';
import { firstFaults } from './first-experiment.ts';
import { plain, truncate } from './output/table.ts';

interface Questions {
  readonly candidates: readonly Candidate[];
  /** Given by a flag, so it is not asked for. */
  readonly name: string | undefined;
  /** The same. */
  readonly url: string | undefined;
  readonly fault: string;
}

/** One of `candidates`, or a process name. */
export interface Asked {
  readonly candidate?: Candidate;
  readonly name?: string;
  readonly fault: string;
  readonly url?: string;
}

/** Ask on the terminal which service, what to do to it, and how one sees that it is well. */
export async function askFirst({ candidates, name, url, fault }: Questions): Promise<Asked> {
  const chosen = name === undefined ? await askWho(candidates) : { name };
  const what = answer(
    await select({
      message: 'What shall happen to one of them?',
      initialValue: fault,
      options: firstFaults.map(({ id, summary }) => ({ value: id, label: id, hint: summary })),
    }),
  );
  const known = 'candidate' in chosen ? chosen.candidate : candidates.find((one) => one.name === chosen.name);
  const port = known?.port;
  const seen =
    url ??
    answer(
      await text({
        message: 'Which URL shows that the service is well? (empty: count its processes)',
        initialValue: port ? `http://127.0.0.1:${port}/` : '',
        defaultValue: '',
      }),
    );
  return { ...chosen, fault: what, ...(seen ? { url: seen } : {}) };
}

/** `node front.mjs (listens on 18080), 1 process`. */
export function candidateLine({ command, port, count: many }: Candidate): string {
  const listens = port === undefined ? '' : ` (listens on ${port})`;
  return `${truncate(plain(command), 60)}${listens}, ${many} ${many === 1 ? 'process' : 'processes'}`;
}

async function askWho(candidates: readonly Candidate[]): Promise<{ candidate: Candidate } | { name: string }> {
  const options = candidates.slice(0, 20).map((candidate, index) => ({
    value: index,
    label: candidateLine(candidate),
  }));
  const picked = await select({
    message: 'Which processes shall be tried?',
    options: [...options, { value: -1, label: 'another one' }],
  });
  const candidate = candidates[Number(answer(picked))];
  if (candidate) return { candidate };
  const message = 'Process name (as in `ps -o comm`)';
  return {
    name: answer(await text({ message, validate: (given) => (given?.trim() ? undefined : 'A name is needed.') })),
  };
}

function answer(value: unknown): string {
  if (isCancel(value)) throw usage('cancelled; nothing was written');
  return String(value);
}
