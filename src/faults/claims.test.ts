import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alone } from '../core/alone.ts';
import { systemClock } from '../core/clock.ts';
import host from '../platforms/host/platform.ts';
import type { AnyFault } from './fault.ts';
import fileCorrupt from './file-corrupt.ts';
import fileDelete from './file-delete.ts';
import filePermission from './file-permission.ts';

test.skipIf(process.platform !== 'linux')(
  'two faults on one file claim the same, by whatever name they came to it',
  async () => {
    const [folder, keep] = [
      await mkdtemp(join(tmpdir(), 'zashiki-claims-')),
      await mkdtemp(join(tmpdir(), 'zashiki-keep-')),
    ];
    try {
      const [file, link, other] = ['a', 'b', 'c'].map((name) => join(folder, name)) as [string, string, string];
      await writeFile(file, 'some text that is long enough to be flipped');
      await writeFile(other, 'another');
      await symlink(file, link);
      const [machine] = await host.discover(host.selector.parse({ machine: true }));
      if (!machine) throw new Error('no machine');
      const on = await host.attach(machine);
      const context = {
        ...alone,
        tag: 't.i1',
        ttl: null,
        keep,
        clock: systemClock,
        signal: new AbortController().signal,
      };
      const claims = async (fault: AnyFault, params: object) => {
        const undo = await fault.plan(on, fault.params.parse(params), context);
        return fault.claims?.(JSON.parse(JSON.stringify(undo)));
      };
      const mine = await claims(filePermission, { path: file, mode: '0000' });
      expect(mine).toHaveLength(1);
      expect(await claims(fileCorrupt, { path: link })).toEqual(mine);
      expect(await claims(fileDelete, { path: file })).toEqual(mine);
      expect(await claims(filePermission, { path: other, mode: '0000' })).not.toEqual(mine);
    } finally {
      for (const made of [folder, keep]) await rm(made, { recursive: true });
    }
  },
);
