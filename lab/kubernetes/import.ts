import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { ctr } from './node.ts';

/** Import an archive into the containerd of these nodes, given by their first processes. Rejects with ctr's words. */
export async function importInto(pids: readonly number[], file: string): Promise<void> {
  await Promise.all(pids.map((pid) => importOne(pid, file)));
}

function importOne(pid: number, file: string): Promise<void> {
  const [program = '', ...argv] = [...ctr({ pid }), 'images', 'import', '-'];
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: ['pipe', 'ignore', 'pipe'], cwd: '/' });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.stdin.on('error', () => {});
    createReadStream(file).on('error', reject).pipe(child.stdin);
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`importing ${file}: ${said.trim()}`))));
  });
}

/** Names of all images that a node has. */
export function imagesOf(pid: number): Promise<readonly string[]> {
  const [program = '', ...argv] = [...ctr({ pid }), 'images', 'list', '--quiet'];
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('error', reject);
    child.once('close', () => resolve(text.split('\n').filter(Boolean)));
  });
}
