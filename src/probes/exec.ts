import { z } from 'zod';
import { DurationOr } from '../core/fields.ts';
import { equalsPattern, Pattern } from '../core/pattern.ts';
import { outOfBounds, quote } from './parts/bounds.ts';
import { TimedOut, withDeadline } from './parts/deadline.ts';
import { runProgram } from './parts/program.ts';
import { defineProbe } from './probe.ts';

const mostShown = 200;

type Value = {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
};

const Code = z.int().min(0).max(255);

/** Runs a program; good when its exit code and output are as wanted. */
export default defineProbe({
  id: 'exec',
  summary: 'Run a program (no shell); judge exit code and output.',
  params: z.strictObject({
    command: z
      .array(z.string())
      .min(1, 'the list is empty: write the program and its arguments')
      .describe('The program and its arguments. No shell: write `[sh, -c, "a | b"]` if you need one.'),
    timeout: DurationOr('5s').describe('Then the program and all that it started are killed.'),
    env: z.record(z.string(), z.string()).default({}).describe("Added to Zashiki's own environment."),
    cwd: z.string().min(1, 'must not be empty').optional(),
  }),
  tolerance: z
    .strictObject({
      exitCode: z
        .union([Code, z.array(Code).min(1)])
        .default(0)
        .describe('An exit code, or a list of these.'),
      stdout: Pattern.optional().describe('All of the output without white space around it, or `re2:…` found in it.'),
      numeric: z
        .strictObject({ min: z.number().optional(), max: z.number().optional() })
        .optional()
        .describe('The output is a number in this range.'),
    })
    .prefault({}),
  async read({ command, timeout, env, cwd }, signal) {
    try {
      return { value: await withDeadline(timeout, signal, (inner) => runProgram({ command, env, cwd }, inner)) };
    } catch (error) {
      signal.throwIfAborted();
      const name = command.join(' ');
      if (error instanceof TimedOut) return { value: null, error: `${quote(name)}: ${error.message}; killed` };
      return { value: null, error: error instanceof Error ? error.message : String(error) };
    }
  },
  judge(reading, { exitCode, stdout, numeric }) {
    if (reading.error !== undefined) return reading.error;
    const value = reading.value as Value;
    const wanted = [exitCode].flat();
    if (value.code === null || !wanted.includes(value.code)) {
      const how = value.code === null ? `ended by ${value.signal}` : `exit code ${value.code}`;
      return `${how}, wanted ${wanted.join(' or ')}${value.stderr ? `: ${quote(value.stderr)}` : ''}`;
    }
    if (stdout !== undefined && !equalsPattern(stdout, value.stdout)) {
      return `output ${quote(value.stdout)} does not match ${quote(stdout)}`;
    }
    if (numeric === undefined) return null;
    const number = value.stdout === '' ? Number.NaN : Number(value.stdout);
    return Number.isNaN(number) ? `output ${quote(value.stdout)} is not a number` : outOfBounds(number, numeric);
  },
  brief(value) {
    if (value === null) return null;
    const { stdout, stderr, ...rest } = value as Value;
    return { ...rest, stdout: stdout.slice(0, mostShown), stderr: stderr.slice(0, mostShown) };
  },
});
