import { chmod, copyFile, cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageFiles } from '../docker/images.ts';
import { placeOf } from '../docker/place.ts';
import { run } from './programs.ts';
import { guestPackages, suite, uselessModules } from './recipe.ts';
import { LabError, type Say } from './say.ts';

const without = ['doc', 'man', 'locale', 'info'].flatMap((name) => ['--dpkgopt', `path-exclude=/usr/share/${name}/*`]);

// A fixed text for the shell of mmdebstrap: which kernel package is the newest, asked of the guest's own sources.
const fetchKernel = `--customize-hook=set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \\(linux-image-[^ ]*\\)$/\\1/p' | head -n 1)
apt-get download -qq "$name"`;

/** Debian's user space in `root`, and the newest kernel package unpacked beside it. Returns the kernel's version. */
export async function makeRoot(work: string, say: Say, signal: AbortSignal): Promise<string> {
  const root = join(work, 'root');
  say(`fetching and installing Debian ${suite} with ${guestPackages.length} packages and what they need`);
  // In namespaces of their own: whatever happens, no mount and no process of the installation stays.
  const alone = ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL'];
  const include = `--include=${guestPackages.join(',')}`;
  const install = ['mmdebstrap', '--quiet', '--mode=root', '--variant=minbase', ...without, include, fetchKernel];
  await run([...alone, ...install, suite, root], { cwd: work, signal });
  const archive = (await readdir(work)).find((name) => name.startsWith('linux-image-'));
  if (!archive) throw new LabError('the kernel package did not come', 'try again with --build');
  await run(['dpkg-deb', '-x', archive, 'kernel'], { cwd: work, signal });
  const [version] = await readdir(join(work, 'kernel/lib/modules'));
  if (!version) throw new LabError(`${archive} has no modules`, 'try again with --build');
  const modules = join(root, 'usr/lib/modules', version);
  await mkdir(join(root, 'usr/lib/modules'), { recursive: true });
  await cp(join(work, 'kernel/lib/modules', version), modules, { recursive: true });
  for (const part of uselessModules) await rm(join(modules, part), { recursive: true, force: true });
  await run(['depmod', '-b', root, version], { signal });
  return version;
}

/** What makes Debian our guest: Node of this host, the agent, a quiet systemd, container images. Returns their names. */
export async function furnish(work: string, say: Say, signal: AbortSignal): Promise<readonly string[]> {
  const root = join(work, 'root');
  for (const folder of ['lab', 'memory', 'checkout']) await mkdir(join(root, folder), { recursive: true });
  for (const name of await readdir(join(import.meta.dirname, 'guest'))) {
    await copyFile(join(import.meta.dirname, 'guest', name), join(root, 'lab', name));
    await chmod(join(root, 'lab', name), 0o755);
  }
  await copyFile(process.execPath, join(root, 'usr/bin/node'));
  await chmod(join(root, 'usr/bin/node'), 0o755);
  const version = await run(['chroot', root, 'node', '--version'], { signal }).catch((cause: Error) => cause);
  if (version instanceof Error) {
    const hint = 'use the official build of Node, which needs nothing but the C++ library';
    throw new LabError(
      `Node of this machine (${process.execPath}) does not run in the guest: ${version.message}`,
      hint,
    );
  }
  const images = await containerImages(work, say);
  await units(join(root, 'etc/systemd/system'));
  await writeFile(join(root, 'etc/modprobe.d/lab.conf'), 'options ifb numifbs=0\noptions dummy numdummies=0\n');
  await writeFile(join(root, 'etc/hostname'), 'lab\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost lab\n::1 localhost\n');
  await writeFile(join(root, 'etc/resolv.conf'), '');
  await writeFile(join(root, 'etc/machine-id'), '');
  return images;
}

const agentUnit = `[Unit]
Description=Runs what the host asks for
DefaultDependencies=no
After=local-fs.target
[Service]
ExecStartPre=/sbin/modprobe virtio_console
ExecStart=/lab/agent
KillMode=process
Restart=always
OOMScoreAdjust=-1000
`;

/** Units that a guest without screen, network card and long life has no use for. */
const masked = [
  ...['getty@tty1.service', 'serial-getty@ttyS0.service', 'apt-daily.timer', 'apt-daily-upgrade.timer'],
  ...['dpkg-db-backup.timer', 'e2scrub_reap.service', 'e2scrub_all.timer', 'fstrim.timer', 'systemd-pstore.service'],
];

async function units(folder: string): Promise<void> {
  await mkdir(join(folder, 'sysinit.target.wants'), { recursive: true });
  await mkdir(join(folder, 'docker.service.d'), { recursive: true });
  await writeFile(join(folder, 'lab-agent.service'), agentUnit);
  await symlink('../lab-agent.service', join(folder, 'sysinit.target.wants/lab-agent.service'));
  for (const unit of masked) await symlink('/dev/null', join(folder, unit));
  const data = 'var-lib-docker.mount';
  await writeFile(join(folder, 'docker.service.d/lab.conf'), `[Unit]\nRequires=${data}\nAfter=${data}\n`);
  // Docker cannot lay an overlay over the guest's own overlay.
  await writeFile(join(folder, data), '[Mount]\nWhat=/memory/docker\nWhere=/var/lib/docker\nType=none\nOptions=bind\n');
}

/** The container images of lab/docker, made here from programs of this machine; the guest imports them at its first boot. */
async function containerImages(work: string, say: Say): Promise<readonly string[]> {
  const folder = join(work, 'root/lab/images');
  await mkdir(folder, { recursive: true });
  const { images, missing } = imageFiles(placeOf());
  for (const what of missing) say(`without the image ${what}`);
  for (const [index, { name, changes, file }] of images.entries()) {
    await copyFile(file, join(folder, `${index}.tar`));
    // Arguments of `docker import`, one a line.
    const lines = [...changes.flatMap((change) => ['--change', change]), `/lab/images/${index}.tar`, name];
    await writeFile(join(folder, `${index}.arguments`), lines.map((line) => `${line}\n`).join(''));
  }
  return images.map(({ name }) => name);
}

/** The first file system of the guest: busybox, the drivers of the disk, and the program that starts systemd. */
export async function makeFirst(
  work: string,
  to: string,
  modules: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const first = join(work, 'first');
  for (const name of ['bin', 'proc', 'dev', 'new', 'memory', 'lower', 'modules'])
    await mkdir(join(first, name), { recursive: true });
  await copyFile(join(work, 'root/bin/busybox'), join(first, 'bin/busybox'));
  await chmod(join(first, 'bin/busybox'), 0o755);
  for (const tool of ['sh', 'mount', 'insmod', 'switch_root', 'mkdir', 'echo', 'usleep'])
    await symlink('busybox', join(first, 'bin', tool));
  const tree = join(work, 'kernel/lib/modules');
  const files = await readdir(tree, { recursive: true });
  for (const module of modules) {
    const file = files.find((name) => name.endsWith(`/${module}.ko`));
    if (!file)
      throw new LabError(`the kernel package has no module ${module}`, 'this kernel is not one that the lab knows');
    await copyFile(join(tree, file), join(first, 'modules', `${module}.ko`));
  }
  await writeFile(join(first, 'modules/order'), `${modules.join('\n')}\n`);
  await copyFile(join(import.meta.dirname, 'guest/first'), join(first, 'init'));
  await chmod(join(first, 'init'), 0o755);
  const names = (await readdir(first, { recursive: true })).sort().join('\n');
  await run(['cpio', '--create', '--format=newc', '--quiet', '--file', to], {
    cwd: first,
    input: `.\n${names}\n`,
    signal,
  });
}
