import { spawn } from 'node:child_process';
import { accessSync, closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import {
  bornApart,
  type Finished,
  type Netns,
  type NetnsBirth,
  type NetnsCapability,
  type NetnsId,
} from '../../../capabilities/netns.ts';
import { isError, ZashikiError } from '../../../core/errors.ts';
import type { TargetRef } from '../../../core/model.ts';
import { denied, missing } from '../errors.ts';
import { bootId, gone, livingStat, pinned } from '../identity.ts';
import { parseMounts } from '../mounts.ts';
import { birthOf } from '../netns-birth.ts';
import { attempt, errno, isDenied, isGone, type ProcFs } from '../proc.ts';
import { findWorkers, launchWorker, stopWorkers } from '../workers.ts';

/** Programs that are not in everybody's package, for the hint. */
const packages: Readonly<Record<string, string>> = {
  ...{ tc: 'iproute2', ip: 'iproute2', ss: 'iproute2', nft: 'nftables', iptables: 'iptables' },
  ...{ ip6tables: 'iptables', ping: 'iputils-ping', nsenter: 'util-linux', unshare: 'util-linux' },
};

/** The descriptor under which a program finds the namespace it was started in: out of the way of its own. */
const namespaceFd = 9;
const longest = 30_000;

/**
 * The network namespace of a process, or of the machine, entered with nsenter by a descriptor whose inode was looked
 * at. Our own namespace is not entered, so that it takes no privilege. The number of a namespace that has ended is given
 * to a new one; where the target is not seen to live there still, its birth tells them apart.
 */
export function netnsCapability(target: TargetRef, proc: ProcFs): NetnsCapability {
  const ofMachine = target.id === 'machine';
  const inodeOf = (pid: number | 'self'): string | undefined => {
    const link = proc.link(pid === 'self' ? proc.self() : pid, 'ns/net');
    return /^net:\[(\d+)\]$/.exec(link)?.[1];
  };
  /** The namespace of pid 1, also where that may not be looked at. */
  const machineInode = (): string | undefined => {
    const seen = attempt(() => inodeOf(1));
    if (seen !== undefined) return seen;
    const there = [proc.self(), ...proc.pids()].find((pid) => sameTable(proc, pid, 1) && attempt(() => inodeOf(pid)));
    return there === undefined ? undefined : inodeOf(there);
  };

  /** A process keeps its namespace alive, so what was read while it lives there need not be read again. */
  let known: { readonly inode: string; readonly birth: NetnsBirth | undefined } | undefined;
  const workers: Pick<NetnsCapability, 'find' | 'stop'> = {
    find: async (tag) => findWorkers(proc, tag).map(({ pid }) => pid),
    stop: (tag) => stopWorkers(proc, tag, target),
  };

  return {
    async identify() {
      const inode = ofMachine ? machineInode() : ofProcess();
      if (inode === undefined) throw gone(target);
      const id = `net:${inode}@${bootId(proc)}`;
      const machine = inode === machineInode();
      // That of the machine does not end before the machine does.
      if (machine) return { id, machine, ...(ofMachine ? { isMachine: true } : {}) };
      if (known?.inode !== inode) known = { inode, birth: await birthOf(netns(id, inode)) };
      const { birth } = known;
      return { id, machine, ...(birth === undefined || ofProcess() !== inode ? {} : { birth }) };
    },
    async open(id, birth) {
      const inode = inodeIn(id, proc);
      // Looked for at once, so that the caller knows; and again at every use.
      closeSync(hold(inode).fd);
      const there = netns(id, inode);
      if (birth !== undefined && (ofMachine || !livesIn(inode)) && bornApart(birth, await birthOf(there))) {
        throw namespaceGone();
      }
      return there;
    },
    ...workers,
  };

  /** Not one that has ended either: others, our helpers for one, may live there still. */
  function livesIn(inode: string): boolean {
    try {
      return ofProcess() === inode;
    } catch (error) {
      if (isError(error, 'target-gone', 'permission-missing')) return false;
      throw error;
    }
  }

  function namespaceGone(): ZashikiError {
    return new ZashikiError('target-gone', `the network namespace of ${target.name} (${target.id}) is gone`);
  }

  function ofProcess(): string | undefined {
    const { pid } = pinned(target);
    if (!livingStat(proc, pinned(target))) throw gone(target);
    try {
      return inodeOf(pid);
    } catch (error) {
      if (isGone(error)) throw gone(target);
      throw isDenied(error) ? denied(target, 'read the network namespace', 'CAP_SYS_PTRACE', error) : error;
    }
  }

  /** An open descriptor of the namespace; `ours` when we live in it. Throws `target-gone`. */
  function hold(inode: string): { readonly fd: number; readonly ours: boolean } {
    let refused: unknown;
    for (const path of holders(proc, inode, ofMachine ? undefined : Number(target.identity.pid))) {
      try {
        const fd = openSync(path, 'r');
        if (String(fstatSync(fd).ino) === inode) return { fd, ours: inodeOf('self') === inode };
        closeSync(fd);
      } catch (error) {
        if (isDenied(error)) refused = error;
        else if (errno(error) === undefined) throw error;
      }
    }
    if (refused) throw denied(target, 'open the network namespace', 'CAP_SYS_PTRACE', refused);
    throw namespaceGone();
  }

  function netns(id: NetnsId, inode: string): Netns {
    const there: Netns = {
      id,
      async trial(argv, options) {
        const done = await there.run(['unshare', '--net', '--', ...within(argv)], options);
        if (done.code === 0 || (await there.run(['unshare', '--net', 'true'])).code === 0) return done;
        return null;
      },
      async run(argv, { input, timeoutMs = longest } = {}) {
        const at = hold(inode);
        try {
          const line = endingWithUs(at.ours ? within(argv) : entering(argv));
          const done = await finish(line, at.fd, input, timeoutMs);
          if (!at.ours && /^nsenter: (reassociate|cannot open).*(not permitted|denied)/m.test(done.stderr)) {
            throw denied(target, 'enter the network namespace', 'CAP_SYS_ADMIN');
          }
          return done;
        } finally {
          closeSync(at.fd);
        }
      },
      async start(worker) {
        const at = hold(inode);
        try {
          if (at.ours) return await launchWorker({ ...worker, argv: within(worker.argv) });
          return await launchWorker({ ...worker, argv: entering(worker.argv) }, [{ as: namespaceFd, fd: at.fd }]);
        } finally {
          closeSync(at.fd);
        }
      },
      ...workers,
    };
    return there;
  }
}

/** Whether two living processes share a network namespace: its tables have one inode, and everybody may see that. */
function sameTable(proc: ProcFs, a: number, b: number): boolean {
  const [one, other] = [a, b].map((pid) => attempt(() => statSync(`${proc.root}/${pid}/net/dev`).ino));
  return one !== undefined && one === other;
}

function inodeIn(id: NetnsId, proc: ProcFs): string {
  const [, inode, boot] = /^net:(\d+)@(.+)$/.exec(id) ?? [];
  if (!inode) throw new ZashikiError('plan-invalid', `${id} is not the name of a network namespace`);
  if (boot !== bootId(proc)) {
    throw new ZashikiError('target-gone', 'the network namespace is gone: the machine was started again since');
  }
  return inode;
}

/** Where the namespace may be opened: the target, all processes that live in it, and what it is mounted on. */
function* holders(proc: ProcFs, inode: string, first: number | undefined): Generator<string> {
  const link = `net:[${inode}]`;
  const elsewhere: number[] = [];
  const unseen: number[] = [];
  for (const pid of [proc.self(), ...(first === undefined ? [] : [first]), ...proc.pids()]) {
    try {
      if (proc.link(pid, 'ns/net') === link) yield `${proc.root}/${pid}/ns/net`;
      else elsewhere.push(pid);
    } catch (error) {
      if (isDenied(error)) unseen.push(pid);
      else if (!isGone(error)) throw error;
    }
  }
  // Whoever we may not look at may live there, unless it is seen to live with one who does not.
  for (const pid of unseen) {
    if (!elsewhere.some((other) => sameTable(proc, pid, other))) yield `${proc.root}/${pid}/ns/net`;
  }
  // Mounts that only pid 1 sees are reached through its root.
  for (const [pid, prefix] of [
    ['self', ''],
    ['1', `${proc.root}/1/root`],
  ] as const) {
    const mounts = parseMounts(attempt(() => proc.text(`${pid}/mountinfo`)) ?? '');
    for (const { type, root, point } of mounts) if (type === 'nsfs' && root === link) yield `${prefix}${point}`;
  }
}

/** The argument array with the full path of its program; system folders count although they are not in PATH. */
function within([program = '', ...args]: readonly string[]): readonly string[] {
  const found = pathOf(program);
  if (found === undefined) throw missing(program, packages[program] ?? program, 'working in a network namespace');
  return [found, ...args];
}

function pathOf(program: string): string | undefined {
  if (program.includes('/')) return program;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, program))
    .find(isProgram);
}

/**
 * A program that outlives us, killed in the middle of inject, could still do its work after somebody has recovered.
 * Where setpriv (util-linux, as nsenter) is missing, that window stays.
 */
function endingWithUs(argv: readonly string[]): readonly string[] {
  const setpriv = pathOf('setpriv');
  return setpriv ? [setpriv, '--pdeathsig', 'KILL', '--', ...argv] : argv;
}

const entering = (argv: readonly string[]): readonly string[] => [
  ...within(['nsenter', `--net=/proc/self/fd/${namespaceFd}`, '--']),
  ...within(argv),
];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Run to the end. A program that takes too long is killed, and has code -1. */
function finish([program = '', ...args]: readonly string[], fd: number, input: string | undefined, timeoutMs: number) {
  const stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...Array(namespaceFd - 3).fill('ignore'), fd];
  const { PATH = '' } = process.env;
  const env = { PATH: `${PATH}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' };
  const child = spawn(program, args, { env, cwd: '/', stdio, timeout: timeoutMs, killSignal: 'SIGKILL' });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // A program that ends without reading its input is no error.
  child.stdin?.on('error', () => {}).end(input);
  return new Promise<Finished>((resolve, reject) => {
    child.once('error', (cause) => {
      const message = `cannot start ${program}: ${cause.message}`;
      reject(new ZashikiError('not-supported', message, { hint: `is ${program} installed?`, cause }));
    });
    child.once('close', (code, signal) => {
      const late = signal ? `${program} was ended by ${signal} (it has ${timeoutMs} ms)\n` : '';
      resolve({ code: code ?? -1, stdout, stderr: stderr + late });
    });
  });
}
