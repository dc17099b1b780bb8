import { X509Certificate } from 'node:crypto';
import { authority, issued } from '../../agent/certs.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { isConflict, isMissing } from '../../platforms/kubernetes/refusal.ts';
import type { Pair } from './server.ts';

/** The certificate of the webhook, which all replicas share, and the authority that the API server is told to trust. */
export interface WebhookCertificate extends Pair {
  readonly ca: string;
}

/** Names of the objects that the install makes. */
export const webhookNames = {
  secret: 'zashiki-webhook',
  service: 'zashiki-webhook',
  configuration: 'zashiki',
} as const;

const days = 365;
const renewBefore = 60 * 86_400_000;

interface Secret {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion?: string };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Read it from its Secret; made, or made anew when it will soon run out. Of several replicas the first one makes it. */
export async function webhookCertificate(
  client: Client,
  namespace: string,
  now = Date.now(),
): Promise<WebhookCertificate> {
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  const name = webhookNames.secret;
  const asked = { resource: 'secrets', namespace, name } as const;
  for (;;) {
    const known = await client
      .call<Secret>({ ...asked, method: 'GET', verb: 'get', path: `${path}/${name}` })
      .catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
    const read = known && certificateOf(known);
    if (read && lasts(read, now)) return read;
    const made = await make(namespace);
    const body: Secret = {
      metadata: {
        name,
        namespace,
        ...(known?.metadata.resourceVersion ? { resourceVersion: known.metadata.resourceVersion } : {}),
      },
      type: 'Opaque',
      data: { 'ca.crt': base64(made.ca), 'tls.crt': base64(made.cert), 'tls.key': base64(made.key) },
    };
    try {
      const object = { apiVersion: 'v1', kind: 'Secret', ...body };
      if (known) await client.call({ ...asked, method: 'PUT', verb: 'update', path: `${path}/${name}`, body: object });
      else await client.call({ ...asked, method: 'POST', verb: 'create', path, body: object });
      return made;
    } catch (error) {
      // Another replica was faster: its certificate is the one.
      if (!isConflict(error)) throw error;
    }
  }
}

function certificateOf({ data = {} }: Secret): WebhookCertificate | undefined {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  const [ca, cert, key] = [text('ca.crt'), text('tls.crt'), text('tls.key')];
  return ca && cert && key ? { ca, cert, key } : undefined;
}

/** Is it good for a while? What cannot be read is not. */
export function lasts({ cert }: Pick<Pair, 'cert'>, now: number): boolean {
  try {
    return Date.parse(new X509Certificate(cert).validTo) - now > renewBefore;
  } catch {
    return false;
  }
}

async function make(namespace: string): Promise<WebhookCertificate> {
  const { service } = webhookNames;
  const ca = await authority('Zashiki webhook');
  const servers = [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`, service];
  const pair = await issued(ca, { name: servers[0] as string, servers, days });
  return { ...pair, ca: ca.cert };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

interface Configuration {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig?: { readonly caBundle?: string } }[];
}

/** Tell the API server to trust it. False when no configuration is installed (yet). */
export async function trustWebhook(client: Client, ca: string): Promise<boolean> {
  let isThere = true;
  for (const plural of ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations']) {
    const name = webhookNames.configuration;
    const asked = {
      resource: `${plural}.admissionregistration.k8s.io`,
      name,
      path: `/apis/admissionregistration.k8s.io/v1/${plural}/${name}`,
    } as const;
    const found = await client.call<Configuration>({ ...asked, method: 'GET', verb: 'get' }).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!found) isThere = false;
    const patch = (found?.webhooks ?? []).flatMap(({ clientConfig }, index) =>
      clientConfig?.caBundle === base64(ca)
        ? []
        : [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: base64(ca) }],
    );
    if (patch.length === 0) continue;
    await client.call({ ...asked, method: 'PATCH', verb: 'patch', type: 'application/json-patch+json', body: patch });
  }
  return isThere;
}
