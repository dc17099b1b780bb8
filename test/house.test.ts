import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** Who may import whom. A room may always import from itself. Nothing points up, so there are no circles. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  capabilities: ['core'],
  faults: ['core', 'capabilities'],
  // A server of its own, and the client that reaches it or a Toxiproxy.
  proxy: ['core'],
  // What goes over the wire between an agent and its clients, and the client.
  remote: ['core', 'capabilities'],
  platforms: ['core', 'capabilities', 'proxy', 'remote'],
  probes: ['core'],
  journal: ['core'],
  notifiers: ['core'],
  report: ['core'],
  // What a fault decides, its worker carries out. Faults start workers by name and import none.
  workers: ['core', 'faults'],
  triggers: ['core'],
  spec: ['core', 'capabilities', 'faults', 'platforms', 'probes'],
  sdk: ['core', 'capabilities', 'faults', 'platforms', 'probes', 'journal', 'notifiers', 'spec'],
  server: ['core', 'journal', 'notifiers', 'triggers', 'spec', 'sdk', 'report'],
  agent: ['core', 'capabilities', 'journal', 'remote', 'sdk', 'server'],
  compat: ['core', 'notifiers', 'triggers', 'spec', 'sdk', 'server'],
  operator: ['core', 'capabilities', 'platforms', 'journal', 'spec', 'sdk', 'compat', 'agent'],
  cli: [
    'operator',
    'core',
    'capabilities',
    'faults',
    'platforms',
    'probes',
    'journal',
    'notifiers',
    'report',
    'triggers',
    'spec',
    'sdk',
    'server',
    'proxy',
    'compat',
    'remote',
    'agent',
  ],
};

const root = resolve(import.meta.dirname, '../src');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
const roomOf = (file: string) => file.split('/')[0] ?? '';

test('every folder of src is a room of the plan', () => {
  const rooms = new Set(files.filter((file) => file.includes('/')).map(roomOf));
  expect([...rooms].filter((room) => !(room in mayImport))).toEqual([]);
});

test('imports only point down', () => {
  const wrong = files.flatMap((file) => {
    if (file.endsWith('.test.ts')) return [];
    const text = readFileSync(join(root, file), 'utf8');
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
    return specifiers.flatMap((specifier) => {
      const to = relative(root, resolve(dirname(join(root, file)), specifier));
      const [from, room] = [roomOf(file), roomOf(to)];
      const allowed = from === room || mayImport[from]?.includes(room);
      return allowed ? [] : [`${file} imports ${to}`];
    });
  });
  expect(wrong).toEqual([]);
});
