import { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { type Path, show } from './problem.ts';

/** What one zod issue comes to: a sentence, where, and whether the key or the value is at fault. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  readonly on: 'value' | 'key';
}

/** `bare`: the message is the schema's own, and may not say what was given. */
type Draft = Finding & { readonly bare?: boolean };

type RawIssue = z.core.$ZodRawIssue;
type Issue = z.core.$ZodIssue;
/** Put on an issue while its schema is at hand: whose message it has, and which keys the map would have taken. */
type Marks = { ours?: boolean; allowed?: readonly string[] };

/**
 * Hold a value against a schema and say in plain sentences all that is wrong. `value` is the schema's output, or
 * undefined when there are findings.
 */
export function examine<S extends z.ZodType>(
  schema: S,
  given: unknown,
): { readonly value?: z.output<S>; readonly findings: readonly Finding[] } {
  try {
    const result = schema.safeParse(given, { error: sentence, reportInput: true });
    if (result.success) return { value: result.data, findings: [] };
    return { findings: result.error.issues.flatMap(explain).map((finding) => withValue(finding, given)) };
  } catch (error) {
    // A schema's own refinement threw: as bad as an issue, and never an end of the program.
    return { findings: [{ path: [], on: 'value', message: `not valid: ${(error as Error).message}` }] };
  }
}

/** Where a schema says no more, and neither can we. */
const vague = 'not valid';

/** The message of an issue whose schema brings none of its own. */
function sentence(issue: RawIssue): string {
  (issue as Marks).ours = true;
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? `missing: ${needed(issue)}`
        : `must be ${titled(issue.inst) ?? kind(issue.expected)}, not ${show(issue.input)}`;
    case 'invalid_value':
      return oneOf(issue.input, issue.values);
    case 'unrecognized_keys':
      (issue as Marks).allowed = allowedKeys(issue.inst);
      return 'unknown key';
    case 'too_small':
      return bound(issue.origin, issue.minimum, issue.inclusive === false ? 'more than' : 'at least', issue.input);
    case 'too_big':
      return bound(issue.origin, issue.maximum, issue.inclusive === false ? 'less than' : 'at most', issue.input);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}, not ${show(issue.input)}`;
    case 'invalid_format': {
      if (issue.format === 'regex') return `must match ${issue.pattern}, not ${show(issue.input)}`;
      return `not ${formats[issue.format] ?? `a valid ${issue.format}`}; got ${show(issue.input)}`;
    }
    case 'invalid_union': {
      const title = titled(issue.inst);
      return title ? `must be ${title}, not ${show(issue.input)}` : vague;
    }
    default:
      return vague;
  }
}

const formats: Readonly<Record<string, string>> = {
  url: 'a URL: write it in full, like http://127.0.0.1:8080/',
  email: 'an e-mail address',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  uuid: 'a UUID',
  datetime: 'a date and time such as 2026-01-31T12:00:00Z',
  date: 'a date such as 2026-01-31',
};

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  tuple: 'a list',
  null: 'null',
};
const kind = (expected: string) => kinds[expected] ?? `of the kind ${expected}`;

/** `a duration such as 250ms` for the field types of core, which carry a title. */
function titled(inst: unknown): string | undefined {
  const meta = inst instanceof z.ZodType ? inst.meta() : undefined;
  const examples = Array.isArray(meta?.examples) ? ` such as ${meta.examples.join(', ')}` : '';
  return meta?.title || examples ? `a ${meta?.title ?? 'text'}${examples}` : undefined;
}

/** What a missing value should have been. */
function needed(issue: RawIssue & { expected?: unknown }): string {
  const description = (issue.inst as z.ZodType | undefined)?.description;
  const what = `${titled(issue.inst) ?? kind(String(issue.expected))} is needed here`;
  return description && !titled(issue.inst) ? `${what} (${description.replace(/\.$/, '')})` : what;
}

function oneOf(input: unknown, values: readonly unknown[]): string {
  const words = values.map(String);
  const near = typeof input === 'string' ? nearest(input, words) : undefined;
  if (input === undefined) return `missing: needs ${words.length > 1 ? `one of ${words.join(', ')}` : words[0]}`;
  const must = words.length > 1 ? `must be one of ${words.join(', ')}` : `must be ${words[0]}`;
  return `${must}; not ${show(input)}${near ? `; did you mean "${near}"?` : ''}`;
}

function bound(origin: string, limit: unknown, word: string, input: unknown): string {
  if (origin === 'string') {
    if (Number(limit) <= 1 && word === 'at least') return 'must not be empty';
    return `must have ${word} ${limit} characters, not ${String(input).length}`;
  }
  if (origin === 'array' || origin === 'object' || origin === 'set' || origin === 'map') {
    const found = Object.keys(Object(input)).length;
    return `needs ${word} ${limit} ${Number(limit) === 1 ? 'entry' : 'entries'}, and has ${found || 'none'}`;
  }
  return `must be ${word} ${limit}, not ${show(input)}`;
}

function allowedKeys(inst: unknown): readonly string[] {
  const shape = (inst as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape;
  return shape ? Object.keys(shape) : [];
}

/** One zod issue as findings: one per unknown key, and the most likely branch of a union. */
function explain(issue: Issue): readonly Draft[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    const allowed = (issue as Marks).allowed ?? [];
    return issue.keys.map((key) => ({ path: [...path, key], on: 'key', message: unknownKey(key, allowed) }));
  }
  if (issue.code === 'invalid_union') return explainUnion(issue, path);
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
    return issue.issues.map((inner) => ({ path, on: 'key', message: inner.message }));
  }
  return [{ path, on: 'value', message: issue.message, bare: isBare(issue) }];
}

/** A message of a schema's own is followed by the value that it speaks of, as it stands in the document. */
function withValue({ bare, ...finding }: Draft, root: unknown): Finding {
  let value = root;
  for (const part of finding.path) value = (value as Record<string | number, unknown> | null | undefined)?.[part];
  if (!bare || value === undefined || (typeof value === 'object' && value !== null)) return finding;
  const quoted = [...finding.message.matchAll(/["`]([^"`]+)["`]/g)].map(([, text]) => text ?? '');
  const said = quoted.some((text) => String(value).includes(text));
  return said ? finding : { ...finding, message: `${finding.message}; got ${show(value)}` };
}

const isBare = (issue: Issue) => (issue as Marks).ours !== true;

/** Sentence for a key that nothing reads: the nearest spelling, and all that are allowed. */
export function unknownKey(key: string, allowed: readonly string[]): string {
  const near = nearest(key, allowed);
  const list = allowed.length ? `allowed: ${allowed.join(', ')}` : 'no keys are allowed here';
  return `unknown key "${key}"; ${near ? `did you mean "${near}"? ` : ''}${list}`;
}

function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path): readonly Draft[] {
  const under = (issues: readonly Issue[]) =>
    issues.flatMap((inner) => explain(inner)).map((finding) => ({ ...finding, path: [...path, ...finding.path] }));
  if (issue.discriminator && issue.errors.length === 0) {
    const given = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator];
    return [{ path, on: 'value', message: oneOf(given, (issue as { options?: unknown[] }).options ?? []) }];
  }
  const own = issue.message === vague ? undefined : issue.message;
  const wanted = alternatives(issue.errors);
  const here = (message: string, bare = false): readonly Draft[] => [{ path, on: 'value', message, bare }];
  if (issue.input === undefined)
    return here((isBare(issue) && own) || (wanted ? `missing: ${wanted} is needed here` : 'missing'));
  // A branch fits the kind of the value when it complains about something inside, or about the value's content.
  const fitting = issue.errors.filter((branch) => !branch.some(isAboutKind));
  const [best] = [...fitting].sort((a, b) => weight(a) - weight(b));
  const inside = best && (best.some(({ path: inner }) => inner.length > 0) || best.some(isUnknownKey));
  if (best && (inside || (fitting.length === 1 && !own))) {
    const drafts = under(best);
    if (!own || !drafts.some(({ message }) => saysNothing(message))) return drafts;
  }
  if (own) return here(own, isBare(issue));
  if (best) return here([...new Set(fitting.map((branch) => branch[0]?.message))].join('; or: '), true);
  const literals = issue.errors
    .flat()
    .flatMap((inner) => (inner.code === 'invalid_value' ? inner.values.map(String) : []));
  const near = typeof issue.input === 'string' ? nearest(issue.input, literals) : undefined;
  const message = wanted ? `must be ${wanted}, not ${show(issue.input)}` : vague;
  return here(near ? `${message}; did you mean "${near}"?` : message);
}

const isUnknownKey = (issue: Issue) => issue.code === 'unrecognized_keys';
const saysNothing = (message: string) => message === vague || message.startsWith('must match /');

/** Does it refuse the kind of the value as such, whatever is inside? */
function isAboutKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isAboutKind));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

/** How far a branch is from the value: each issue counts, an unknown key like a wrong value. */
const weight = (branch: readonly Issue[]): number =>
  branch.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

/** `a text, a number or a list`, from branches that all refuse the kind of the value. */
function alternatives(branches: readonly (readonly Issue[])[]): string {
  const distinct = [...new Set(branches.flatMap(kindsOf))];
  if (distinct.length < 2) return distinct[0] ?? '';
  return `${distinct.slice(0, -1).join(', ')} or ${distinct.at(-1)}`;
}

const kindsOf = (branch: readonly Issue[]): readonly string[] =>
  branch.flatMap((issue) => {
    if (issue.path.length > 0) return [];
    if (issue.code === 'invalid_type') return [kind(issue.expected)];
    if (issue.code === 'invalid_value') return issue.values.map(String);
    return issue.code === 'invalid_union' ? issue.errors.flatMap(kindsOf) : [];
  });
