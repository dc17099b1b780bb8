import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Capabilities } from '../../capabilities/index.ts';
import type { NetnsBirth, NetnsId } from '../../capabilities/netns.ts';
import type { TargetRef } from '../../core/model.ts';
import { testPlatform } from '../contract.ts';
import { containerIn, isIn, podIn } from './find.ts';
import platform from './platform.ts';
import { plainContainer, unableToMake } from './testing.ts';

const id = 'ab'.repeat(32);
const pod = '0a1b2c3d-1111-2222-3333-444455556666';
const unable = unableToMake();

testPlatform(platform, {
  start: async () => {
    const made = [await plainContainer(), await plainContainer({ style: 'systemd' })];
    return {
      selector: { id: made.map((one, index) => (index === 0 ? `containerd://${one.id}` : one.id)) },
      async end({ identity }) {
        await made.find((one) => one.id === identity.container)?.end();
      },
      replaced: ({ labels: _, ...target }) => ({ ...target, identity: { ...target.identity, startTime: '1' } }),
      async stop() {
        for (const one of made) await one.end();
      },
    };
  },
  none: { id: `containerd://${id}` },
  wrong: [
    { selector: {}, says: /says nothing/ },
    { selector: { id: 'containerd://' }, says: /^id: write the id of a container/ },
    { selector: { id, name: 'x' }, says: /name/ },
  ],
  unable,
});

describe('names of cgroups', () => {
  test.each([
    ['cgroupfs', ['', 'kubepods', 'burstable', `pod${pod}`, id]],
    [
      'systemd, containerd',
      ['kubepods.slice', `kubepods-besteffort-pod${pod.replaceAll('-', '_')}.slice`, `cri-containerd-${id}.scope`],
    ],
    ['systemd, CRI-O', ['kubepods.slice', `kubepods-pod${pod.replaceAll('-', '_')}.slice`, `crio-${id}.scope`]],
    ['from another cgroup namespace', ['..', '..', `pod${pod}`, id]],
  ])('of Kubernetes: %s', (_, names) => {
    expect(containerIn(names)).toBe(id);
    expect(isIn(names, id)).toBe(true);
    expect(podIn(names)).toBe(pod);
  });

  test('a static pod has the hash of its file for a uid', () => {
    expect(podIn(['kubepods', `pod${'c'.repeat(32)}`])).toBe('c'.repeat(32));
  });

  test('of Docker, and of one in another', () => {
    const inner = 'cd'.repeat(32);
    expect(containerIn(['system.slice', `docker-${id}.scope`])).toBe(id);
    expect(containerIn(['docker', id, 'docker', inner])).toBe(inner);
    expect(isIn(['docker', id, 'docker', inner], id)).toBe(true);
  });

  test('what watches a container of CRI-O is not in it', () => {
    expect(containerIn([`crio-conmon-${id}.scope`])).toBeUndefined();
    expect(isIn([`crio-conmon-${id}.scope`], id)).toBe(false);
  });
});

describe.skipIf(unable)(`of real processes${unable ? `: skipped, ${unable}` : ''}`, () => {
  test('the main process is the first one; who came in later is not', async () => {
    const made = await plainContainer();
    onTestFinished(() => made.end());
    const late = spawn('sleep', ['1000'], { stdio: 'ignore' });
    onTestFinished(() => void late.kill('SIGKILL'));
    await new Promise((resolve) => late.once('spawn', resolve));
    joinCgroups(late.pid ?? 0, made.pid);
    const [target] = await platform.discover({ id: made.id, pod: made.pod });
    expect(target?.identity).toMatchObject({ container: made.id, pod: made.pod, pid: made.pid });
  });

  test('when its container does not run, the network of the pod is meant, by whoever was there first', async () => {
    const pause = await plainContainer();
    const app = await plainContainer({ pod: pause.pod });
    onTestFinished(() => pause.end());
    onTestFinished(() => app.end());
    const ofApp = { id: `containerd://${app.id}`, pod: app.pod };
    expect((await platform.discover(ofApp))[0]?.identity).toMatchObject({ pid: app.pid });
    await app.end();
    const [target] = await platform.discover(ofApp);
    expect(target).toMatchObject({ id: `pod:${pause.pod}`, identity: { pid: pause.pid, network: true } });
    if (target) expect(platform.offers(target)).toEqual(['netns']);
    // Without the pod there is nobody who could stand in for it.
    expect(await platform.discover({ id: app.id })).toEqual([]);
  });

  test('a namespace that only a helper of ours still lives in, when container and pod have ended', async () => {
    const made = await plainContainer({ argv: ['unshare', '--net', 'sleep', '1000'] });
    onTestFinished(() => made.end());
    await expect.poll(() => readFileSync(`/proc/${made.pid}/cmdline`, 'latin1')).toMatch(/^sleep/);
    const found = [
      await platform.discover({ id: made.id }),
      await platform.discover({ id: 'ef'.repeat(32), pod: made.pod }),
    ];
    const targets = found.flat();
    expect(targets.map(({ identity }) => identity.network ?? false)).toEqual([false, true]);
    const tag = `test-${process.pid}-pod`;
    const attached = async (target: TargetRef) => (await platform.attach(target)) as Pick<Capabilities, 'netns'>;
    const named: { target: TargetRef; id: NetnsId; birth: NetnsBirth | undefined }[] = [];
    for (const target of targets) {
      const { netns } = await attached(target);
      const { id, birth } = await netns.identify();
      onTestFinished(() => netns.stop(`${tag}.${target.id}`));
      await (await netns.open(id, birth)).start({ argv: ['sleep', '1000'], tag: `${tag}.${target.id}` });
      named.push({ target, id, birth });
    }
    await made.end();
    for (const { target, id, birth } of named) {
      const { netns } = await attached(target);
      await (await netns.open(id, birth)).stop(`${tag}.${target.id}`);
      expect(await netns.find(`${tag}.${target.id}`)).toEqual([]);
    }
    for (const { target, id, birth } of named) {
      await expect((await attached(target)).netns.open(id, birth)).rejects.toMatchObject({ code: 'target-gone' });
    }
  });

  test('what has opted out is protected', async () => {
    const made = await plainContainer({ env: { ...process.env, ZASHIKI_PROTECT: '1' } });
    onTestFinished(() => made.end());
    const [target] = await platform.discover({ id: made.id });
    expect(target?.protected).toMatch(/ZASHIKI_PROTECT/);
  });
});

/** Move a process into the cgroups of another, as an exec of the runtime does. */
function joinCgroups(pid: number, other: number): void {
  for (const line of readFileSync(`/proc/${other}/cgroup`, 'utf8').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    if (!path.includes('zashiki-test')) continue;
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const mount = mounts.find((each) =>
      controllers === '' ? each.includes(' - cgroup2 ') : each.includes(' - cgroup ') && each.endsWith(controllers),
    );
    writeFileSync(`${mount?.split(' ')[4]}${path}/cgroup.procs`, String(pid));
  }
}
