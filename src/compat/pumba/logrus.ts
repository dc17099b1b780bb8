import { isIPv4 } from 'node:net';
import type { EpochMs } from '../../core/model.ts';
import { goDuration, goJson, goQuote } from './go-text.ts';
import type { Entry, Field, Fields, Level } from './log-entry.ts';

/** Formats of logrus 1.9: a line each, with its newline. `zone`: minutes east of UTC, default that of this machine. */
export function textLine(entry: Entry, zone = zoneOf(entry.at)): string {
  const { level, message } = entry;
  const fixed = [`time=${shown(rfc3339(entry.at, zone))}`, `level=${level}`];
  if (message !== '') fixed.push(`msg=${shown(message)}`);
  return `${[...fixed, ...sorted(entry.fields).map(([name, value]) => `${name}=${shown(textOf(value))}`)].join(' ')}\n`;
}

/** One JSON object: keys in order, HTML characters escaped, durations in nanoseconds. */
export function jsonLine(entry: Entry, zone = zoneOf(entry.at)): string {
  const { level, message: msg, fields } = entry;
  const data = sorted(fields).map(([name, value]) => [name, jsonOf(value)] as const);
  const all = [...data, ['level', level], ['msg', msg], ['time', rfc3339(entry.at, zone)]] as const;
  return `${goJson(Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1))))}\n`;
}

const colors: Readonly<Record<Level, number>> = { panic: 31, fatal: 31, error: 31, warning: 33, info: 36, debug: 37 };

/** For a terminal. `start`: when the program began. */
export function terminalLine(entry: Entry, start: EpochMs): string {
  const { level, fields } = entry;
  const paint = (text: string) => `\x1b[${colors[level]}m${text}\x1b[0m`;
  const seconds = String(Math.trunc((entry.at - start) / 1000)).padStart(4, '0');
  const message = entry.message.replace(/\n$/, '').padEnd(44);
  const data = sorted(fields).map(([name, value]) => ` ${paint(name)}=${shown(textOf(value))}`);
  return `${paint(level.toUpperCase().slice(0, 4))}[${seconds}] ${message} ${data.join('')}\n`;
}

/** A field's text, as Go's `fmt.Sprint` writes it. */
export function textOf(value: Field): string {
  if (value === null) return '[]';
  if (typeof value !== 'object') return String(value);
  if ('span' in value) return goDuration(value.span);
  return `[${('networks' in value ? value.networks : value).join(' ')}]`;
}

const clashing = ['time', 'level', 'msg'];

const sorted = (fields: Fields): readonly (readonly [string, Field])[] =>
  Object.entries(fields)
    .map(([name, value]) => [clashing.includes(name) ? `fields.${name}` : name, value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));

const shown = (text: string) => (/^[\w./@^+-]*$/.test(text) ? text : goQuote(text));

function jsonOf(value: Field): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('span' in value) return Math.round(value.span * 1e6);
  return 'networks' in value ? value.networks.map(ipNet) : value;
}

/** Go's net.IPNet in JSON: the address as text, the mask as base64. */
function ipNet(cidr: string): { readonly IP: string; readonly Mask: string } {
  const [address = '', prefix = '0'] = cidr.split('/');
  const bits = Number(prefix);
  const bytes = Array.from({ length: isIPv4(address) ? 4 : 16 }, (_, index) => {
    const left = Math.min(8, Math.max(0, bits - index * 8));
    return (0xff << (8 - left)) & 0xff;
  });
  return { IP: address, Mask: Buffer.from(bytes).toString('base64') };
}

const zoneOf = (at: EpochMs) => -new Date(at).getTimezoneOffset();

function rfc3339(at: EpochMs, zone: number): string {
  const local = new Date(at + zone * 60_000).toISOString().slice(0, 19);
  if (zone === 0) return `${local}Z`;
  const two = (n: number) => String(Math.trunc(n)).padStart(2, '0');
  return `${local}${zone < 0 ? '-' : '+'}${two(Math.abs(zone) / 60)}:${two(Math.abs(zone) % 60)}`;
}
