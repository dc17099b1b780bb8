import { basename } from 'node:path';
import type { JsonObject } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';
import { faults } from '../faults/index.ts';
import { describeParams } from '../spec/params.ts';
import { usage } from './context.ts';

export interface FirstAnswers {
  /** What people call it: a process name, or a short form of the command line. */
  readonly name: string;
  /** Of the host platform. */
  readonly selector: JsonObject;
  readonly fault: string;
  /** Absent: the hypothesis counts processes instead. */
  readonly url?: string;
}

/** The faults that a first experiment can use: those that want no parameter. */
export const firstFaults = faults.filter(({ params }) => params.safeParse({}).success);

/** Is this a fault of the catalogue that runs without parameters? Throws `usage` with the way out. */
export function checkFault(fault: string): void {
  const known = faults.find(({ id }) => id === fault);
  if (!known) {
    const near = nearest(
      fault,
      faults.map(({ id }) => id),
    );
    throw usage(`unknown fault "${fault}"`, near ? `did you mean "${near}"?` : '`zashiki faults` lists them');
  }
  if (known.params.safeParse({}).success) return;
  const rows = describeParams(known.params);
  const required = rows.filter((row) => row.required).map(({ name }) => name);
  const needed = required.length > 0 ? `the parameter ${required.join(', ')}` : 'a parameter';
  throw usage(
    `${fault} needs ${needed}, which init cannot guess`,
    `see examples/faults/${fault}.yaml, and \`zashiki faults ${fault}\``,
  );
}

/** `/usr/bin/node /srv/front.mjs --port 1` → `node front.mjs`. */
export function shortCommand(command: string): string {
  const [program = '', ...rest] = command.split(' ');
  const script = rest.find((word) => word !== '' && !word.startsWith('-'));
  const short = [basename(program), ...(script && script === rest[0] ? [basename(script)] : [])].join(' ');
  return short.length > 40 ? short.slice(0, 40) : short;
}

/** The document's text. */
export function firstExperiment({ name, selector, fault, url }: FirstAnswers): string {
  const known = faults.find(({ id }) => id === fault);
  const slug =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 30)
      .replace(/^-+|-+$/g, '') || 'service';
  const who = Object.entries(selector)
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join(', ');
  const hypothesis = url
    ? `    - name: ${JSON.stringify(`${name} answers`)}
      probe: { http: { url: ${JSON.stringify(url)}, timeout: 1s } }
      tolerance: { status: 2xx }`
    : `    - name: ${JSON.stringify(`${name} runs`)}
      probe: { process: { ${who} } }
      tolerance: { count: { min: 1 } }`;
  return `# What should stay true while ${name.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '?')} is hit by ${fault}? Try: zashiki plan THIS-FILE
apiVersion: zashiki.dev/v1
kind: Experiment
metadata: { name: ${slug}-survives-${fault} }
spec:
  steadyStateHypothesis:
${hypothesis}
      every: 250ms
      recoversWithin: 30s        # after the fault, stable again within this time
  method:
    - fault: ${fault}
      target: { host: { ${who} } }
      mode: one                  # one all fixed fixed-percent random-max-percent${known?.reversible ? '\n      duration: 10s' : ''}
    - pause: 3s
  guards:
    blastRadius: 1               # never more than one target at a time
`;
}
