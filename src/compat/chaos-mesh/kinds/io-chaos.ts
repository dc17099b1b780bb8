import { z } from 'zod';
import { unknownName } from '../../../spec/desk.ts';
import type { Path } from '../../../spec/problem.ts';
import { show } from '../../../spec/problem.ts';
import { GoDuration, Text } from '../fields.ts';
import { experimentShape, type Kind, legacyContainer, legacyShape } from '../kind.ts';
import { isGiven, listOf, mapOf, type Raw, type Say } from '../say.ts';
import { checkPods, containerShape, podShape } from '../selector.ts';

/** Operations of FUSE. */
export const ioMethods = [
  ...['lookup', 'forget', 'getattr', 'setattr', 'readlink', 'mknod', 'mkdir', 'unlink', 'rmdir', 'symlink', 'rename'],
  ...['link', 'open', 'read', 'write', 'flush', 'release', 'fsync', 'opendir', 'readdir', 'releasedir', 'fsyncdir'],
  ...['statfs', 'setxattr', 'getxattr', 'listxattr', 'removexattr', 'access', 'create', 'getlk', 'setlk', 'bmap'],
];
/** Names of v0.8, and what they are called since. */
export const oldIoMethods: Readonly<Record<string, string>> = {
  truncate: 'setattr',
  chmod: 'setattr',
  chown: 'setattr',
  utimens: 'setattr',
  setlkw: 'setlk',
};
/** Actions of v0.8, and what they are called since. */
export const oldIoActions = { delay: ['latency'], errno: ['fault'], mixed: ['latency', 'fault'] } as const;

const Instant = z.strictObject({ sec: z.int().optional(), nsec: z.int().optional() });
const uint = z.int().min(0).optional();

const Attributes = z.strictObject({
  ...{ ino: uint, size: uint, blocks: uint, nlink: uint, uid: uint, gid: uint, rdev: uint },
  ...{ atime: Instant.optional(), mtime: Instant.optional(), ctime: Instant.optional() },
  kind: z.enum(['namedPipe', 'charDevice', 'blockDevice', 'directory', 'regularFile', 'symlink', 'socket']).optional(),
  perm: z.int().min(0).max(0o7777).optional(),
});

const Mistake = z.strictObject({
  filling: z.enum(['zero', 'random']).optional(),
  maxOccurrences: z.int().min(1),
  maxLength: z.int().min(1),
});

export const IOChaosSpec = z.strictObject({
  action: z.enum(['latency', 'fault', 'attrOverride', 'mistake']),
  ...podShape,
  ...containerShape,
  volumePath: Text.regex(
    /^\/./,
    'not a mount point: write the path of a volume in the container, such as /var/lib/data',
  ).describe('Mount point of the volume.'),
  path: Text.optional().describe('Glob of the files.'),
  methods: z.array(Text).optional().describe('Operations of FUSE; default: all.'),
  percent: z.int().min(1).max(100).default(100).describe('Share of the calls.'),
  delay: GoDuration.optional(),
  errno: z.int().min(1).max(133).optional(),
  attr: Attributes.optional(),
  mistake: Mistake.optional(),
  ...experimentShape,
});

const NumberText = (least: number, most: number, what: string) =>
  z
    .union([z.int(), z.string()])
    .meta({ title: what })
    .superRefine((given, context) => {
      const ok = given === '' || (Number.isInteger(Number(given)) && Number(given) >= least && Number(given) <= most);
      if (!ok) context.addIssue({ code: 'custom', message: `must be a whole number from ${least} to ${most}` });
    })
    .optional();

/** Delays and fails the file operations of a container. */
export const ioChaos: Kind = {
  kind: 'IOChaos',
  plural: 'iochaos',
  summary: 'Delay or fail file operations, or change what they return.',
  state: 'not-yet',
  spec: IOChaosSpec,
  legacy: {
    ...legacyShape,
    ...legacyContainer,
    action: z.enum(['latency', 'fault', 'attrOverride', 'mistake', 'delay', 'errno', 'mixed']),
    percent: NumberText(1, 100, 'percentage from 1 to 100').describe('Share of the calls; v0.8 wrote a text.'),
    errno: NumberText(1, 133, 'number of an error').describe('Number of the error; v0.8 wrote a text.'),
    layer: z.enum(['fs']).optional().describe('v0.8. Left out.'),
    configName: Text.optional().describe('v0.8. Left out: there is no sidecar any more.'),
    addr: Text.optional().describe('v0.8. Left out: there is no sidecar any more.'),
  },
  rules: (spec, path, say) => {
    checkPods(spec, path, say);
    checkNeeds(spec, path, say);
    for (const [i, method] of listOf(spec.methods).entries()) {
      const name = String(method).toLowerCase();
      if (!ioMethods.includes(name) && !(name in oldIoMethods)) {
        say([...path, 'methods', i], unknownName('operation', String(method), ioMethods));
      }
    }
    if (spec.volumePath === '/') {
      say(
        [...path, 'volumePath'],
        `must be the mount point of a volume, not ${show('/')}: write a path such as /var/lib/data`,
      );
    }
  },
  block: 'ioChaos',
  columns: ['action', 'duration'],
};

function checkNeeds(spec: Raw, path: Path, say: Say): void {
  const action = String(spec.action);
  const needs = (key: string, sample: string) => {
    if (!isGiven(spec[key])) say([...path, key], `missing: action ${action} needs it, such as ${key}: ${sample}`);
  };
  if (['latency', 'delay', 'mixed'].includes(action)) needs('delay', '100ms');
  if (action === 'fault') needs('errno', '5');
  if (action === 'mistake') needs('mistake', '{ maxOccurrences: 1, maxLength: 10 }');
  if (action === 'attrOverride' && Object.keys(mapOf(spec.attr) ?? {}).length === 0) needs('attr', '{ perm: 72 }');
  if (action in oldIoActions && !isGiven(spec.volumePath)) {
    say(
      [...path, 'volumePath'],
      'missing: there is no sidecar any more that knew it; write the mount point of the volume, such as /var/lib/data',
    );
  }
}
