import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The Debian release of the guest. */
export const suite = 'bookworm';

/** What the guest has besides Debian's minimal base. */
export const guestPackages: readonly string[] = [
  ...['systemd-sysv', 'udev', 'dbus', 'kmod', 'busybox-static', 'procps', 'netbase', 'libstdc++6'],
  ...['iproute2', 'iptables', 'nftables', 'ipset', 'conntrack', 'iputils-ping', 'iperf3', 'socat'],
  ...['docker.io', 'stress-ng', 'strace', 'dmsetup', 'fuse3', 'openssl'],
];

/** Programs that the lab needs on the host, and the Debian packages that have them. */
export const hostPrograms: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  cpio: 'cpio',
  depmod: 'kmod',
  tar: 'tar',
  unshare: 'util-linux',
  setpriv: 'util-linux',
};

/** Drivers that the disk and the overlay need before the root file system is there, in the order of loading. */
export const firstModules: readonly string[] = [
  ...['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'virtio_blk', 'overlay'],
];

/** Parts of the kernel package that a guest without such hardware never loads. */
export const uselessModules: readonly string[] = [
  ...['gpu', 'scsi', 'nvme', 'hid', 'input', 'infiniband', 'nvdimm', 'hv'].map((name) => `kernel/drivers/${name}`),
  ...['nfs', 'nfsd', 'smb', 'orangefs', 'exfat'].map((name) => `kernel/fs/${name}`),
];

/** Memory of a guest and room for what goes in. Both are part of the snapshot: all clones have the same. */
export const memoryMb = 2048;
/** Size of the disk that carries the checkout into the guest, in bytes. The file is sparse. */
export const payloadBytes = 512 * 1024 * 1024;

/**
 * File descriptors that QEMU inherits: nothing of a guest has a path that could be left behind. None has both a state
 * and a disk.
 */
export const descriptors = { qmp: 3, agent: 4, payload: 5, state: 6, disk: 6 } as const;

/**
 * QEMU's arguments; paths are relative to the image folder. Power-on, unless from the snapshot (`state`); what the guest
 * writes is kept in its memory, unless on a `disk`.
 */
export function qemuArguments(from: 'power-on' | 'state' | 'disk'): readonly string[] {
  const { qmp, agent, payload, state, disk } = descriptors;
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    // With more than one processor the kernel distrusts the TSC and reads the HPET, which is slow in emulation.
    ...['-machine', 'q35,hpet=off', '-accel', 'tcg,thread=multi', '-cpu', 'qemu64', '-smp', '2'],
    ...['-m', String(memoryMb)],
    ...['-drive', 'file=root.ext4,format=raw,if=none,id=root,readonly=on,file.locking=off'],
    ...['-device', 'virtio-blk-pci,drive=root'],
    ...['-add-fd', `fd=${payload},set=1,opaque=payload`],
    ...['-drive', 'file=/dev/fdset/1,format=raw,if=none,id=payload,readonly=on,file.locking=off'],
    ...['-device', 'virtio-blk-pci,drive=payload'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,fd=${agent}`],
    ...['-device', 'virtserialport,chardev=agent,name=lab.agent', '-device', 'virtio-rng-pci'],
    ...['-chardev', `socket,id=monitor,fd=${qmp}`, '-mon', 'chardev=monitor,mode=control'],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-kernel', 'vmlinuz', '-initrd', 'initrd.img', '-append'],
    [...kernelArguments, ...(from === 'disk' ? ['LAB_DISK=/dev/vdc'] : [])].join(' '),
    ...(from === 'state' ? ['-incoming', `fd:${state}`] : []),
    ...(from === 'disk' ? writable(disk) : []),
  ];
}

const writable = (disk: number) => [
  ...['-add-fd', `fd=${disk},set=2,opaque=disk`],
  ...[
    '-drive',
    'file=/dev/fdset/2,format=raw,if=none,id=disk,file.locking=off,auto-read-only=off',
    '-device',
    'virtio-blk-pci,drive=disk',
  ],
];

const kernelArguments = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', 'nokaslr', 'random.trust_cpu=on', 'tsc=reliable'],
  ...['apparmor=0', 'systemd.show_status=0'],
];

/** All that decides whether a cached image is still the right one. */
export interface Ingredients {
  readonly node: string;
  readonly qemu: string;
  readonly recipe: string;
}

/** Name of the image in the cache: another recipe, Node or QEMU makes another image. */
export function imageKey({ node, qemu, recipe }: Ingredients): string {
  return createHash('sha256')
    .update(JSON.stringify([node, qemu, recipe]))
    .digest('hex')
    .slice(0, 16);
}

/** The recipe as text: the guest's files, and the code that builds and starts it. */
export function recipeText(folder = import.meta.dirname): string {
  const guest = readdirSync(join(folder, 'guest')).sort();
  const files = [
    ...guest.map((name) => join('guest', name)),
    'recipe.ts',
    'build.ts',
    'root.ts',
    'snapshot.ts',
    '../docker/images.ts',
  ];
  return files.map((name) => `${name}\n${readFileSync(join(folder, name), 'utf8')}`).join('\n');
}
