import { ZashikiError } from '../../core/errors.ts';
import type { Window } from '../../core/model.ts';
import { drawSeed } from '../../core/rng.ts';
import { type Parsed, parseDays, parseTimeRange } from '../../core/window-text.ts';
import { flags, standardFlags } from './flags.ts';
import { type GoValue, readGoFlags } from './go-flags.ts';

export interface ChatSettings {
  readonly users: readonly string[];
  readonly confirm: boolean;
}

export interface CounterSettings {
  readonly url: string;
  readonly path: string;
  readonly start: number;
  readonly step: number;
  /** Seconds. */
  readonly interval: number;
  readonly stateFile: string;
}

/** What the command line asks for, checked. */
export interface Settings {
  readonly execute: boolean;
  /** Seconds, both possible. */
  readonly minInterval: number;
  readonly maxInterval: number;
  readonly window: Window;
  /** First and last day of `--day`, 0 = Sunday. */
  readonly days: readonly [number, number];
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly sealed: boolean;
  readonly chat: ChatSettings | null;
  readonly counter: CounterSettings | null;
}

export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'help-of-help' }
  | { readonly kind: 'version' }
  | { readonly kind: 'play'; readonly settings: Settings };

/** A command line to what it asks for. Throws `usage` naming the flag. */
export function readSettings(argv: readonly string[], draw: () => number = drawSeed): Asked {
  const { given, rest } = readGoFlags([...flags, ...standardFlags], argv);
  const [first, topic] = rest;
  if (given.get('help') === true) return { kind: 'help' };
  if (first === 'help' || first === 'h') {
    if (topic === undefined) return { kind: 'help' };
    if (topic === 'help' || topic === 'h') return { kind: 'help-of-help' };
    throw usage(`there is no help for "${topic}"`);
  }
  if (given.get('version') === true) return { kind: 'version' };
  if (first !== undefined) throw usage(`unexpected argument "${first}"; flags after it would not be read`);
  return { kind: 'play', settings: settingsOf(given, draw) };
}

function settingsOf(given: ReadonlyMap<string, GoValue>, draw: () => number): Settings {
  const text = (name: string) => String(given.get(name) ?? defaultOf(name) ?? '');
  const count = (name: string) => Number(given.get(name) ?? defaultOf(name));
  const on = (name: string, otherwise = false) => (given.get(name) ?? otherwise) === true;
  const [minInterval, maxInterval] = [count('min-interval'), count('max-interval')];
  if (minInterval > maxInterval) {
    throw usage(`--min-interval ${minInterval} is more than --max-interval ${maxInterval}`);
  }
  if (maxInterval < 1) throw usage('--max-interval must be at least 1 second');
  if (count('port') > 65_535) throw usage(`--port: ${count('port')} is not a port; use 0 to 65535`);
  if (count('seed') > 0x7fffffff) throw usage(`--seed: use 0 to ${0x7fffffff}`);
  const { days, ends } = readDays(text('day'));
  const hours = flagged('time', parseTimeRange(text('time')));
  return {
    execute: on('execute'),
    minInterval,
    maxInterval,
    window: { days, ...hours, holidays: [] },
    days: ends,
    host: text('host'),
    port: count('port'),
    seed: given.has('seed') ? count('seed') : draw(),
    sealed: on('sealed'),
    chat: given.has('chat-users')
      ? { users: list('chat-users', text('chat-users')), confirm: on('chat-confirm', true) }
      : null,
    counter: given.has('counter-url') ? counterOf(text, count) : null,
  };
}

/** The original takes a range only, so one day is `1-1`. */
function readDays(text: string): { days: readonly number[]; ends: readonly [number, number] } {
  const match = /^([^-,]+)-([^-,]+)$/.exec(text);
  if (!match) throw usage(`--day: "${text}" is not a range of days: write 1-5, or 1-1 for Monday alone`);
  const days = flagged('day', parseDays(text));
  const end = (part = '') => flagged('day', parseDays(part))[0] ?? 0;
  return { days, ends: [end(match[1]), end(match[2])] };
}

function counterOf(text: (name: string) => string, count: (name: string) => number): CounterSettings {
  const url = text('counter-url');
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw usage(`--counter-url: "${url}" is not an http(s) URL`);
  }
  if (text('counter-state') === '')
    throw usage('--counter-url needs --counter-state FILE to keep the next threshold in');
  if (count('counter-step') < 1) throw usage('--counter-step must be at least 1');
  if (count('counter-interval') < 1) throw usage('--counter-interval must be at least 1 second');
  return {
    url,
    path: text('counter-path'),
    start: count('counter-start'),
    step: count('counter-step'),
    interval: count('counter-interval'),
    stateFile: text('counter-state'),
  };
}

function list(name: string, text: string): readonly string[] {
  const found = text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  if (found.length === 0) throw usage(`--${name} names nobody`);
  return found;
}

function flagged<T>(name: string, parsed: Parsed<T>): T {
  if (parsed.error !== undefined) throw usage(`--${name}: ${parsed.error}`);
  return parsed.value;
}

const defaultOf = (name: string) => flags.find((flag) => flag.names[0] === name)?.default;
const usage = (message: string) => new ZashikiError('usage', message);
