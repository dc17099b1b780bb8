import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { container, dockerHost, unable } from '../../../test/fixtures/docker.ts';
import { isBuilt, run, start, stateFolder } from '../../../test/fixtures/pumba-program.ts';

/** Certificates of a CA of the test: for the engine, for us, and another CA that nobody trusts. */
function certificates(): string {
  const folder = mkdtempSync(join(tmpdir(), 'zashiki-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  for (const ca of ['ca', 'other']) {
    openssl('req', '-x509', ...key, '-subj', `/CN=${ca}`, '-keyout', `${ca}-key.pem`, '-out', `${ca}.pem`);
  }
  writeFileSync(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1\n');
  for (const name of ['server', 'client']) {
    const out = name === 'client' ? ['key.pem', 'cert.pem'] : ['server-key.pem', 'server.pem'];
    openssl('req', ...key.slice(0, -2), '-subj', `/CN=${name}`, '-keyout', out[0] ?? '', '-out', `${name}.csr`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2', '-extfile', 'san'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-out', out[1] ?? '');
  }
  return folder;
}

/** The lab's engine behind TLS that asks for a certificate. */
async function secured(folder: string): Promise<string> {
  const file = (name: string) => readFileSync(join(folder, name));
  const options = { key: file('server-key.pem'), cert: file('server.pem'), ca: file('ca.pem'), requestCert: true };
  const server = createServer({ ...options, rejectUnauthorized: true }, (socket) => {
    const onward = connect(dockerHost().replace(/^unix:\/\//, ''));
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) each.on('error', () => each.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(unable !== undefined || !isBuilt())('Pumba and an engine behind TLS', () => {
  test('PU-02 --tlsverify with files of its own, by flags and by variables; a wrong CA is refused', async () => {
    const folder = certificates();
    const host = await secured(folder);
    const file = (name: string) => join(folder, name);
    const keys = ['--tlscert', file('cert.pem'), '--tlskey', file('key.pem')];
    const [one, two, three] = await Promise.all([container(), container(), container()]);
    const byFlags = await run(['-H', host, '--tlsverify', '--tlscacert', file('ca.pem'), ...keys, 'kill', one.name]);
    expect([byFlags.code, byFlags.log]).toEqual([0, []]);
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    expect((await run(['kill', two.name], { env })).code).toBe(0);
    const wrong = await run(['-H', host, '--tlsverify', '--tlscacert', file('other.pem'), ...keys, 'kill', three.name]);
    expect(wrong.code).toBe(1);
    expect(wrong.log.join()).toMatch(/certificate/);
    const unchecked = await run([
      '-H',
      host,
      '--tls',
      '--tlscacert',
      file('other.pem'),
      ...keys,
      'kill',
      '-s',
      'USR1',
      three.name,
    ]);
    expect([unchecked.code, unchecked.log]).toEqual([0, []]);
    const states = await Promise.all([one, two].map(async (each) => (await each.inspect()).State.Status));
    expect(states).toEqual(['exited', 'exited']);
  });

  test('PU-02 keys given as text are kept in files for the reaper, and are in no journal', async () => {
    const folder = certificates();
    const host = await secured(folder);
    const text = (name: string) => readFileSync(join(folder, name), 'utf8');
    const web = await container();
    const state = stateFolder();
    const tls = ['--tlscacert', text('ca.pem'), '--tlscert', text('cert.pem'), '--tlskey', text('key.pem')];
    const going = start(['-l', 'debug', '-H', host, '--tlsverify', ...tls, 'pause', '-d', '10m', web.name], { state });
    await going.says('paused');
    const keys = readdirSync(join(state, 'keys')).map((name) => join(state, 'keys', name));
    expect(keys.map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    expect(statSync(join(state, 'keys')).mode & 0o777).toBe(0o700);
    const [run = ''] = readdirSync(join(state, 'runs'));
    const journal = readFileSync(join(state, 'runs', run, 'journal.jsonl'), 'utf8');
    expect([journal.includes('/keys/'), journal.includes('BEGIN')]).toEqual([true, false]);
    expect(going.log().filter((line) => line.includes('level=warning') && line.includes(' is kept in '))).toHaveLength(
      3,
    );
    going.child.kill('SIGKILL');
    await going.ended;
    const status = async () => (await web.inspect()).State.Status;
    await expect.poll(status, { timeout: 60_000, interval: 200 }).toBe('running');
  });

  test('PU-17 the reaper finds the keys too', async () => {
    const folder = certificates();
    const host = await secured(folder);
    const web = await container();
    const env = { DOCKER_HOST: host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    const going = start(['-l', 'debug', 'pause', '-d', '10m', web.name], { env });
    await going.says('paused');
    going.child.kill('SIGKILL');
    await going.ended;
    const status = async () => (await web.inspect()).State.Status;
    await expect.poll(status, { timeout: 60_000, interval: 200 }).toBe('running');
  });
});
