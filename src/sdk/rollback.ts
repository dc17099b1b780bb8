import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { ZashikiError } from '../core/errors.ts';
import type { JsonObject } from '../core/model.ts';
import type { RollbackAction } from '../core/ports.ts';

const defaultTimeout = 30_000;

/** Run one user-declared rollback: a program (argument array) or an HTTP request. Returns one line for the journal. */
export const runRollback: RollbackAction = async (id, params, signal, cwd) => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(Number(params.timeout ?? defaultTimeout))]);
  return id === 'exec' ? runProgram(params, limit, cwd) : runRequest(params, limit);
};

function runProgram(params: JsonObject, signal: AbortSignal, cwd: string | undefined): Promise<string> {
  const [file = '', ...args] = params.command as readonly string[];
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
      ...(cwd && existsSync(cwd) ? { cwd } : {}),
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr = (stderr + chunk).slice(-500);
    });
    child.on('error', (cause) => reject(failed(`${file}: ${cause.message}`, cause)));
    child.on('close', (code, by) =>
      code === 0 ? resolve(`${file} exited 0`) : reject(failed(`${file} ended with ${code ?? by}: ${stderr.trim()}`)),
    );
  });
}

async function runRequest(params: JsonObject, signal: AbortSignal): Promise<string> {
  const { url, method = 'POST', headers = {}, body } = params as { url: string } & Record<string, unknown>;
  const response = await fetch(url, {
    method: String(method),
    headers: headers as Record<string, string>,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal,
  }).catch((cause: unknown) => {
    throw failed(`${method} ${url}: ${(cause as Error).message}`, cause);
  });
  await response.body?.cancel();
  if (!response.ok) throw failed(`${method} ${url} answered ${response.status}`);
  return `${method} ${url} answered ${response.status}`;
}

const failed = (message: string, cause?: unknown) => new ZashikiError('recover-failed', message, { cause });
