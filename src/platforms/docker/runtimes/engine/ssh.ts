import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import { ZashikiError } from '../../../../core/errors.ts';

/**
 * Connections through `ssh … docker system dial-stdio`, as Docker's own command line makes them: keys, agents, jump
 * hosts and known hosts are those of the user's ssh. Every request has a connection of its own.
 */
export function sshAgent(url: string): Agent {
  const { hostname, port, username } = new URL(url.replace(/^ssh:/, 'http:'));
  const args = [
    ...['-o', 'ConnectTimeout=30', '-o', 'BatchMode=yes', '-T'],
    ...(username ? ['-l', decodeURIComponent(username)] : []),
    ...(port ? ['-p', port] : []),
    ...['--', hostname, 'docker', 'system', 'dial-stdio'],
  ];
  const agent = new Agent({ keepAlive: false });
  const connect = () => {
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-2000);
    });
    const stream = new Duplex({
      read: () => void child.stdout.resume(),
      // Why it failed is told by its end, not by a broken pipe.
      write: (chunk, _encoding, done) => void child.stdin.write(chunk, () => done()),
      final: (done) => void child.stdin.end(() => done()),
      destroy(error, done) {
        child.kill();
        done(error);
      },
    });
    child.stdin.on('error', () => {});
    child.stdout.on('data', (chunk) => {
      if (!stream.push(chunk)) child.stdout.pause();
    });
    child.on('error', (cause) => stream.destroy(cause));
    child.on('close', (code) => {
      if (code) stream.destroy(new SshFailure(said.trim() || `ssh ended with code ${code}`));
      else stream.push(null);
    });
    return stream;
  };
  Object.assign(agent, { createConnection: connect });
  return agent;
}

/** ssh could not connect; the message is its own. */
export class SshFailure extends Error {}

/** The error for people. */
export const sshFailed = (url: string, error: Error): ZashikiError =>
  new ZashikiError('peer-unavailable', `no container engine through ${url}: ${error.message}`, {
    hint: 'does `ssh` reach that host without a question, and is `docker` installed there?',
    cause: error,
  });
