import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { readLine } from '../../src/compat/pumba/command-line.ts';
import { readRequests } from '../../src/compat/pumba/request.ts';
import { readSettings } from '../../src/compat/pumba/settings.ts';
import { manifests, textOf, wantedOf } from './manifests.ts';

test('there is a manifest for each way in which Pumba was deployed', () => {
  expect(manifests).toEqual([
    'daemonset-containerd.yaml',
    'daemonset-openshift.yaml',
    'daemonset-stress.yaml',
    'daemonset.yaml',
    'docker-compose.yaml',
    'pumba.service',
    'swarm.yaml',
  ]);
});

test.each(manifests)('PU-29 %s: our image, an engine, a place for undo records, and no privileges', (name) => {
  const wanted = wantedOf(name);
  expect(wanted.length).toBeGreaterThan(0);
  for (const each of wanted) {
    expect(each.image).toBe('zashiki/pumba');
    expect(each.privileged).toBe(false);
    expect(each.restarts).toBe(true);
    const targets = each.mounts.map(({ to }) => to);
    expect(targets).toContain('/var/lib/zashiki');
    expect(targets.some((to) => /^\/(var\/)?run\/.*\.sock$/.test(to))).toBe(true);
    expect(each.mounts.find(({ to }) => to === '/etc/machine-id')?.readOnly ?? true).toBe(true);
    // Node does not fit into the 20 MB of the old manifests.
    if (each.memory) expect(Number.parseInt(each.memory, 10)).toBeGreaterThanOrEqual(256);
  }
});

test.each(manifests.flatMap(wantedOf))('PU-29 $manifest $name: the arguments are understood', ({ args }) => {
  const read = readLine(args, { env: {}, program: 'pumba', version: '' });
  if (read.kind !== 'do') throw new Error(JSON.stringify(read));
  expect(readRequests(read.line, readSettings(read.line.global, {}))).toHaveLength(1);
});

test('the unit is one that systemd reads', (context) => {
  const { error, stderr } = spawnSync('systemd-analyze', ['verify', 'deploy/pumba/pumba.service'], {
    encoding: 'utf8',
  });
  if (error) context.skip('needs systemd-analyze');
  // A machine without docker.service or /usr/bin/docker is no fault of the unit.
  const told = stderr.split('\n').filter((line) => line.includes('pumba.service') && !/docker/.test(line));
  expect(told).toEqual([]);
  expect(textOf('pumba.service')).not.toContain('KillMode=none');
});
