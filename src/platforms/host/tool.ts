import { execFile } from 'node:child_process';

/** How a program ended; `code` is null when a signal ended it. */
export interface ToolResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const longest = 20_000;

/** Run a system program with an argument list and plain English messages. Undefined when it is not installed. */
export function runTool(program: string, args: readonly string[]): Promise<ToolResult | undefined> {
  const env = { ...process.env, LC_ALL: 'C' };
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, timeout: longest, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error && 'code' in error && error.code === 'ENOENT') return resolve(undefined);
      if (error && typeof error.code === 'string') return reject(error);
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : null) : 0, stdout, stderr });
    });
  });
}
