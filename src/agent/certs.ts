import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { pki } from 'node-forge';
import { ZashikiError } from '../core/errors.ts';
import { makeFolder } from '../journal/state.ts';

/** The name that a client's certificate bears unless told otherwise, and that an agent lets in. */
export const clientName = 'zashiki-controller';

export interface CertificateOptions {
  /** Names and addresses under which agents are reached. Default: localhost, this host, and loopback. */
  readonly servers?: readonly string[];
  readonly client?: string;
  /** Default 825. */
  readonly days?: number;
}

/** A certificate and its key, as PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Make ca, server and client certificates (`.crt`, `.key`) in a folder, mode 0600. A CA that is there is used again, so
 * that what trusts it goes on; server and client are made anew. Returns the files. Throws `refused` for a half CA.
 */
export async function makeCertificates(folder: string, options: CertificateOptions = {}): Promise<readonly string[]> {
  const { servers = ['localhost', hostname(), '127.0.0.1', '::1'], client = clientName, days = 825 } = options;
  makeFolder(folder);
  const known = existing(folder);
  const ca = known ?? (await authority());
  const pairs = {
    ...(known ? {} : { ca }),
    server: await issued(ca, { name: servers[0] ?? hostname(), servers, days }),
    client: await issued(ca, { name: client, servers: [], days }),
  };
  return Object.entries(pairs).flatMap(([name, { cert, key }]) => {
    const files = [join(folder, `${name}.crt`), join(folder, `${name}.key`)] as const;
    writeFileSync(files[0], cert, { mode: 0o600 });
    writeFileSync(files[1], key, { mode: 0o600 });
    return files;
  });
}

function existing(folder: string): Pair | undefined {
  const [cert, key] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  if (!existsSync(cert) && !existsSync(key)) return undefined;
  if (existsSync(cert) && existsSync(key)) return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  throw new ZashikiError('refused', `${folder} has only one of ca.crt and ca.key`, {
    hint: 'put the other one back, or give an empty folder',
  });
}

/** A certificate authority of its own, for ten years. */
export async function authority(name = 'Zashiki agents'): Promise<Pair> {
  return made({ name, days: 3650, extensions: [{ name: 'basicConstraints', cA: true, critical: true }, caUsage] });
}

/** A certificate of a server (with its names and addresses), or, without any, of a client. */
export async function issued(
  ca: Pair,
  { name, servers, days }: { readonly name: string; readonly servers: readonly string[]; readonly days: number },
): Promise<Pair> {
  const altNames = servers.map((each) => (isIP(each) ? { type: 7, ip: each } : { type: 2, value: each }));
  const usage = servers.length > 0 ? { serverAuth: true } : { clientAuth: true };
  return made({
    ...{ name, days, ca },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', ...usage },
      ...(altNames.length > 0 ? [{ name: 'subjectAltName', altNames }] : []),
    ],
  });
}

const caUsage = { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true };

interface Wanted {
  readonly name: string;
  readonly days: number;
  readonly ca?: Pair;
  readonly extensions: readonly object[];
}

async function made({ name, days, ca, extensions }: Wanted): Promise<Pair> {
  const { default: forge } = await import('node-forge');
  // The keys are the machine's own work; the library only puts the certificate together and signs it.
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const cert = forge.pki.createCertificate();
  cert.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // A serial number is positive: its first bit is 0, and it has no needless zero in front.
  cert.serialNumber = `4${randomBytes(16).toString('hex').slice(1)}`;
  const now = Date.now();
  // A clock on another machine may be behind.
  cert.validity.notBefore = new Date(now - 3_600_000);
  cert.validity.notAfter = new Date(now + days * 86_400_000);
  const subject = [{ name: 'commonName', value: name }];
  cert.setSubject(subject);
  const issuer = ca ? forge.pki.certificateFromPem(ca.cert) : undefined;
  cert.setIssuer(issuer ? issuer.subject.attributes : subject);
  cert.setExtensions([...extensions]);
  cert.sign(keyOf(forge.pki, ca?.key ?? privateKey), forge.md.sha256.create());
  return { cert: forge.pki.certificateToPem(cert), key: privateKey };
}

/** The library reads the older form of a key. */
function keyOf(of: typeof pki, pem: string): pki.rsa.PrivateKey {
  const older = createPrivateKey(pem).export({ type: 'pkcs1', format: 'pem' }).toString();
  return of.privateKeyFromPem(older) as pki.rsa.PrivateKey;
}
