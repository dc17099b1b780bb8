import { expect, test } from 'vitest';
import { endsWithContainer } from './own-container.ts';

const line = (point: string, type: string) => `36 35 0:31 / ${point} rw,relatime - ${type} none rw`;
const mounts = (...lines: readonly string[]) => `${lines.join('\n')}\n`;
const root = line('/', 'overlay');

test.each([
  ['in the layer of a container', mounts(root), true],
  ['on a volume', mounts(root, line('/var/lib/zashiki', 'ext4')), false],
  ['below a mounted folder', mounts(root, line('/var/lib', 'xfs')), false],
  ['in memory', mounts(root, line('/var/lib', 'tmpfs')), true],
  ['beside a volume of a longer name', mounts(root, line('/var/lib/zashiki-other', 'ext4')), true],
  ['covered again', mounts(root, line('/var/lib/zashiki', 'ext4'), line('/var/lib/zashiki', 'tmpfs')), true],
  ['with a space in its path', mounts(root, line('/var/lib/zashiki\\040x', 'ext4')), true],
])('the state folder is %s', (_, text, expected) => {
  expect(endsWithContainer('/var/lib/zashiki', { mounts: text, marked: false, onMachine: false })).toBe(expected);
});

test('a machine is no container, unless it is marked as one', () => {
  const disk = mounts(line('/', 'ext4'));
  expect(endsWithContainer('/var/lib/zashiki', { mounts: disk, marked: false, onMachine: false })).toBe(false);
  expect(endsWithContainer('/var/lib/zashiki', { mounts: disk, marked: true, onMachine: false })).toBe(true);
  expect(endsWithContainer('/var/lib/zashiki', { mounts: disk, marked: true, onMachine: true })).toBe(false);
  expect(endsWithContainer('/var/lib/zashiki', { mounts: '', marked: false, onMachine: false })).toBe(false);
});
