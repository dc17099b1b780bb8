import { z } from 'zod';
import { parseDuration } from '../../core/duration.ts';
import { patternProblem } from '../../core/pattern.ts';
import { type AgentAddress, AgentAddressSchema } from './remote.ts';

/** One or several; several mean any of them. */
export type OneOrMore<T> = T | readonly T[];

/** Which processes of this host. All given keys must match; a list means any of its entries. */
export interface HostSelector {
  readonly agent?: OneOrMore<AgentAddress> | undefined;
  readonly machine?: true | undefined;
  readonly name?: OneOrMore<string> | undefined;
  readonly command?: OneOrMore<string> | undefined;
  readonly user?: OneOrMore<string | number> | undefined;
  readonly pid?: OneOrMore<number> | undefined;
  readonly parent?: number | HostSelector | undefined;
  readonly cgroup?: OneOrMore<string> | undefined;
  readonly unit?: OneOrMore<string> | undefined;
  readonly port?: OneOrMore<number> | undefined;
  /** Kept as written, e.g. `5m`, so that what is parsed may be parsed again. */
  readonly minAge?: string | undefined;
  readonly maxAge?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly exe?: OneOrMore<string> | undefined;
  readonly anyOwner?: true | undefined;
}

const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z.union([item, z.array(item).min(1, `the list is empty: write ${what}`)], {
    error: `write ${what}, or a list of them`,
  });

const Text = z.string().min(1, 'must not be empty');
const patterned = (text: z.ZodString) =>
  text.superRefine((source, context) => {
    const problem = patternProblem(source);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });
const Pattern = patterned(Text);
const Pid = z.int('a pid is a whole number').min(1, 'a pid is 1 or more');
const Port = z.int('a port is a whole number').min(1, 'a port is 1 to 65535').max(65_535, 'a port is 1 to 65535');
const Uid = z.int('a uid is a whole number').min(0, 'a uid is 0 or more');
const Age = z.string().superRefine((text, context) => {
  if (parseDuration(text.trim()) !== undefined) return;
  context.addIssue({ code: 'custom', message: 'not a duration: write a number with a unit, like 250ms, 2s or 1h30m' });
});

const examples = '`name: nginx`, `command: "re2:^node .*worker"` or `port: 8080`';

/**
 * The `target: { host: … }` part of a document. Text values are exact, or `re2:` and RE2 syntax, found anywhere
 * unless anchored. Output is the same JSON as the input.
 */
export const HostSelector = z
  .strictObject({
    agent: oneOrMore(AgentAddressSchema, 'the address of an agent')
      .optional()
      .describe('Processes of other machines: the addresses of their agents, e.g. https://node1:7475.'),
    machine: z
      .literal(true, { error: 'write `machine: true`, or leave it out' })
      .optional()
      .describe('The host itself as one single target, instead of processes. Excludes all other keys.'),
    name: oneOrMore(Pattern, 'a process name')
      .optional()
      .describe('Process name as the kernel keeps it (15 bytes); a longer name is held against the program file too.'),
    command: oneOrMore(Pattern, 'a command line')
      .optional()
      .describe('Full command line, its arguments joined by one space.'),
    user: oneOrMore(z.union([Text, Uid], { error: 'write a user name or a uid' }), 'a user name or a uid')
      .optional()
      .describe('Name or uid of the user it runs as (the effective user).'),
    pid: oneOrMore(Pid, 'a pid').optional().describe('Process id.'),
    get parent(): z.ZodOptional<z.ZodUnion<readonly [typeof Pid, z.ZodType<HostSelector>]>> {
      return z
        .union([Pid, HostSelector as z.ZodType<HostSelector>], { error: 'write a pid, or a selector of the parent' })
        .optional()
        .describe('Its parent: a pid, or a selector of its own.');
    },
    cgroup: oneOrMore(Pattern, 'a cgroup path')
      .optional()
      .describe('Path of its cgroup in any hierarchy, as in /proc/PID/cgroup, e.g. /system.slice/cron.service.'),
    unit: oneOrMore(Pattern, 'a systemd unit')
      .optional()
      .describe('systemd unit that it belongs to, read from the cgroup path; without a suffix, .service is meant.'),
    port: oneOrMore(Port, 'a port').optional().describe('TCP or UDP port that it listens on, IPv4 or IPv6.'),
    minAge: Age.optional().describe('It has run for at least this long, e.g. 5m.'),
    maxAge: Age.optional().describe('It has run for at most this long, e.g. 1h.'),
    env: z
      .record(Text, Pattern.or(z.literal('')), { error: 'write names and values, like { ROLE: worker }' })
      .optional()
      .describe('Environment variables that it was started with; all must match.'),
    anyOwner: z
      .literal(true, { error: 'write `anyOwner: true`, or leave it out' })
      .optional()
      .describe('Also processes of other users that you may not signal: the kernel refuses, and that is told.'),
    exe: oneOrMore(Pattern, 'a path').optional().describe('Path of the program file, links resolved.'),
  })
  .superRefine((given, context) => {
    const keys = Object.entries(given).filter(
      ([key, value]) => value !== undefined && key !== 'anyOwner' && key !== 'agent',
    );
    // A misspelled key is an issue already; it is dropped here, so nothing may be left.
    if (keys.length === 0 && context.issues.length === 0) {
      const message = `says nothing, so it would match every process: write for example ${examples}; \`machine: true\` is the host itself`;
      context.addIssue({ code: 'custom', message });
    }
    if (given.machine && keys.length > 1) {
      const others = keys.map(([key]) => key).filter((key) => key !== 'machine');
      const message = `\`machine: true\` is the host itself and cannot be combined with ${others.join(', ')}`;
      context.addIssue({ code: 'custom', path: ['machine'], message });
    }
    if (typeof given.parent === 'object' && given.parent.agent) {
      context.addIssue({ code: 'custom', path: ['parent'], message: 'a parent is on the same machine: name no agent' });
    }
    if (typeof given.parent === 'object' && given.parent.machine) {
      context.addIssue({ code: 'custom', path: ['parent'], message: 'the host itself is no parent: select a process' });
    }
    const [least, most] = [parseDuration(given.minAge ?? '0s'), parseDuration(given.maxAge ?? '0s')];
    if (given.minAge && given.maxAge && (least ?? 0) > (most ?? 0)) {
      const message = `minAge ${given.minAge} is more than maxAge ${given.maxAge}: nothing can match`;
      context.addIssue({ code: 'custom', path: ['minAge'], message });
    }
  })
  .meta({ title: 'host selector', description: 'Which processes of this host; all given keys must match.' });
