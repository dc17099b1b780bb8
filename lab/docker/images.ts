import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { call } from './api.ts';
import type { Place } from './place.ts';

/** One image: what is in it, and what a container of it runs when nothing is said. */
export interface Recipe {
  readonly name: string;
  /** Dockerfile lines for `docker import --change`. */
  readonly changes: readonly string[];
  /** Programs of this machine that go in, with the libraries that they need. */
  readonly programs: readonly string[];
  fill(root: string): void;
}

const need = (path: string, packageName: string): string => {
  if (!existsSync(path)) throw new Error(`${path} is missing: apt-get install ${packageName}`);
  return path;
};

const busybox = '/usr/bin/busybox';

/** A shell and the usual small programs. */
export function withBusybox(root: string): void {
  put(root, '/bin/busybox', readFileSync(need(busybox, 'busybox-static')), 0o755);
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  for (const applet of applets) {
    const at = join(root, 'bin', applet);
    if (applet !== 'busybox' && !existsSync(at)) execFileSync('ln', ['-s', 'busybox', at]);
  }
  put(root, '/etc/passwd', 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  put(root, '/etc/group', 'root:x:0:\nnogroup:x:65534:\n');
  for (const folder of ['tmp', 'var/tmp', 'var/run', 'run', 'dev', 'proc', 'sys', 'data']) {
    mkdirSync(join(root, folder), { recursive: true, mode: folder.endsWith('tmp') ? 0o1777 : 0o755 });
  }
}

/** Answers GET / with the container's host name, and any other path under /www. */
const hello = '#!/bin/sh\nprintf "content-type: text/plain\\r\\n\\r\\nhello from %s\\n" "$(hostname)"\n';

const sleeper = `
#include <signal.h>
#include <unistd.h>
static void end(int signal) { _exit(0); }
int main(void) { signal(SIGTERM, end); signal(SIGINT, end); for (;;) pause(); }
`;

/** The images of the lab. `sleeper` has nothing in it but one static program: no shell, no libraries. */
export const recipes: readonly Recipe[] = [
  { name: 'zashiki-lab/busybox', changes: ['CMD ["sh"]'], programs: [], fill: withBusybox },
  {
    name: 'zashiki-lab/echo',
    changes: ['EXPOSE 8080', 'CMD ["httpd","-f","-p","8080","-h","/www"]'],
    programs: [],
    fill(root) {
      withBusybox(root);
      put(root, '/www/cgi-bin/index.cgi', hello, 0o755);
      put(root, '/www/ok', 'ok\n');
    },
  },
  {
    name: 'zashiki-lab/scratch-sleeper',
    changes: ['CMD ["/sleeper"]'],
    programs: [],
    fill(root) {
      put(root, '/sleeper.c', sleeper);
      execFileSync('gcc', ['-static', '-Os', '-s', '-o', join(root, 'sleeper'), join(root, 'sleeper.c')]);
      rmSync(join(root, 'sleeper.c'));
    },
  },
  {
    name: 'zashiki-lab/nettools',
    changes: ['CMD ["sh"]'],
    programs: [
      '/sbin/ip',
      '/sbin/tc',
      '/bin/ss',
      '/sbin/iptables',
      '/sbin/ip6tables',
      '/sbin/iptables-save',
      '/sbin/ip6tables-save',
      '/sbin/iptables-restore',
      '/sbin/iptables-legacy',
      '/sbin/iptables-legacy-save',
      '/usr/sbin/nft',
      '/bin/ping',
    ],
    fill(root) {
      withBusybox(root);
      for (const folder of ['/usr/lib/x86_64-linux-gnu/xtables', '/usr/lib/aarch64-linux-gnu/xtables', '/usr/lib/tc']) {
        if (existsSync(folder)) copyTree(folder, root);
      }
    },
  },
  {
    name: 'zashiki-lab/stress-ng',
    changes: ['ENTRYPOINT ["/stress-ng"]', 'CMD ["--cpu","1","--timeout","10s"]'],
    programs: ['/usr/bin/stress-ng'],
    fill(root) {
      withBusybox(root);
      execFileSync('ln', ['-s', '/usr/bin/stress-ng', join(root, 'stress-ng')]);
    },
  },
];

/** Build what is not in the cache, and import all into the engine. Images whose programs are missing here are named. */
export async function loadImages(place: Place, socket = place.socket): Promise<readonly string[]> {
  const missing: string[] = [];
  await Promise.all(
    recipes.map(async (recipe) => {
      const absent = recipe.programs.filter((path) => !existsSync(path));
      if (absent.length > 0) return missing.push(`${recipe.name} (no ${absent.join(', ')})`);
      const query = new URLSearchParams({ fromSrc: '-', repo: recipe.name, tag: 'latest' });
      for (const change of recipe.changes) query.append('changes', change);
      await call(socket, 'POST', `/images/create?${query}`, { file: tarOf(recipe, place) });
    }),
  );
  return missing;
}

/** The images as tar files, for an engine elsewhere: what `docker import --change …` needs. And what cannot be built here. */
export function imageFiles(place: Pick<Place, 'cache'>) {
  const images: { readonly name: string; readonly changes: readonly string[]; readonly file: string }[] = [];
  const missing: string[] = [];
  for (const recipe of recipes) {
    try {
      const { name, changes } = recipe;
      images.push({ name, changes, file: tarOf(recipe, place) });
    } catch (error) {
      missing.push(`${recipe.name} (${(error as Error).message})`);
    }
  }
  return { images, missing };
}

/** The tar file of a recipe's root folder, built when the recipe or a program of it has changed. */
export function tarOf(recipe: Recipe, place: Pick<Place, 'cache'>): string {
  const programs = recipe.programs.flatMap((path) => [path, ...libraries(path)]);
  const hash = createHash('sha256').update(
    JSON.stringify([recipe.name, recipe.changes, String(recipe.fill), sleeper, hello]),
  );
  for (const path of [busybox, ...programs]) if (existsSync(path)) hash.update(readFileSync(path));
  const base = recipe.name.replace('/', '-');
  const file = join(place.cache, `${base}-${hash.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(file)) return file;
  mkdirSync(place.cache, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'zashiki-lab-image-'));
  try {
    recipe.fill(root);
    for (const path of programs) copyIn(path, root);
    const making = `${file}.${process.pid}`;
    execFileSync('tar', [
      '--create',
      '--numeric-owner',
      '--owner=0',
      '--group=0',
      '--sort=name',
      '--mtime=@0',
      '-f',
      making,
      '-C',
      root,
      '.',
    ]);
    renameSync(making, file);
    return file;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function put(root: string, path: string, content: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode });
}

/** Under the same path, links followed: what runs there is the same program. */
function copyIn(path: string, root: string): void {
  const to = join(root, path);
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { force: true });
  copyFileSync(path, to);
}

function copyTree(path: string, root: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  execFileSync('cp', ['--recursive', '--dereference', path, join(root, dirname(path))]);
}

/** Shared libraries of a program, and the loader. */
function libraries(path: string): readonly string[] {
  const text = execFileSync('ldd', [path], { encoding: 'utf8' });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
}
