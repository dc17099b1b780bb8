import { errorRecord } from '../../core/errors.ts';
import type { Client } from '../../platforms/kubernetes/client.ts';
import { rulesHere } from '../../platforms/kubernetes/protect.ts';
import type { OperatorSettings } from '../settings.ts';
import { rest } from '../watch.ts';
import { trustWebhook, webhookCertificate } from './certificates.ts';
import { accessBy, type JudgePorts } from './judge.ts';
import { type AdmissionServer, serveAdmission } from './server.ts';

export interface AdmitPorts {
  readonly client: Client;
  readonly settings: OperatorSettings;
  readonly say: (message: string) => void;
  readonly stopped: () => string | undefined;
}

/** Certificates are looked at so often. */
const every = 60_000;

/** Serve the webhook until `signal`, with a certificate that is kept fresh; the API server is told of it. */
export async function admit(ports: AdmitPorts, signal: AbortSignal): Promise<void> {
  const { client, settings, say, stopped } = ports;
  const { webhook, namespace } = settings;
  if (!webhook) return;
  const judging: JudgePorts = {
    mayCreate: accessBy(client),
    protectedNamespaces: rulesHere().protectedNamespaces,
    isOurs: ({ username }) => username === `system:serviceaccount:${namespace}:${serviceAccount}`,
    namespaces: settings.namespaces,
    stopped,
  };
  let server: AdmissionServer | undefined;
  let used: string | undefined;
  let trusted = false;
  while (!signal.aborted) {
    try {
      const pair = await webhookCertificate(client, namespace);
      // Told before it is served: a replica that is ready is one that the API server trusts.
      trusted = await trustWebhook(client, pair.ca);
      if (!server) {
        server = await serveAdmission({ ...webhook, pair, ports: judging });
        say(`webhook on port ${server.port}`);
      } else if (used !== pair.cert) server.renew(pair);
      used = pair.cert;
    } catch (error) {
      say(`webhook: ${errorRecord(error).message}`);
    }
    await rest(server && trusted ? every : 2000, signal);
  }
  await server?.close();
}

/** The account that the operator runs under. */
export const serviceAccount = 'zashiki-operator';
