import { hostname } from 'node:os';
import { join } from 'node:path';
import { readAddress } from '../../agent/listen.ts';
import { parseDuration } from '../../core/duration.ts';
import { stateFolder } from '../../journal/state.ts';
import type { Budget } from '../../operator/budget.ts';
import { operate } from '../../operator/operator.ts';
import { clusterFor } from '../../platforms/kubernetes/client.ts';
import { openCatalogue } from '../../sdk/catalogue.ts';
import { budgetText, readBudget } from '../budget-flag.ts';
import { act, type DefineCommand } from '../command.ts';
import { usage } from '../context.ts';
import { onInterrupt } from '../interrupt.ts';
import { collect } from '../trigger-flags.ts';

interface Flags {
  readonly namespace: string;
  readonly watch?: readonly string[];
  readonly name?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly pauseImage?: string;
  readonly optIn?: boolean;
  readonly blastRadius?: Budget;
  readonly patience: string;
  readonly webhook?: string;
}

/** `zashiki operator`: carries out the resources of a cluster. */
const define: DefineCommand = (command, context) => {
  command
    .summary('controller of a Kubernetes cluster: faults by kubectl apply')
    .description(
      'Carry out resources of the kinds of Chaos Mesh and of zashiki.dev in a Kubernetes cluster, until stopped. Several replicas elect a leader; everything that is needed to go on is in the status of the resources.',
    )
    .option('--namespace <name>', 'its own namespace: lease, stop lever, certificates', 'zashiki')
    .option(
      '--watch <namespace>',
      'only resources and pods of this namespace (repeatable; default: the cluster)',
      collect,
    )
    .option('--name <name>', 'name of this replica (default: host name and pid)')
    .option('--kubeconfig <file>', 'default: KUBECONFIG, ~/.kube/config, else the service account of the pod')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--pause-image <image>', 'image of pods that are made to fail')
    .option('--opt-in', 'only pods of namespaces that say zashiki.dev/inject: enabled')
    .option('--blast-radius <limit>', budgetText, readBudget)
    .option('--webhook <host:port>', 'where the API server asks before it takes a resource (default: nowhere)')
    .option(
      '--patience <duration>',
      'how long recovering a deleted resource may fail before it is let go, unverified',
      '10m',
    )
    .addHelpText(
      'after',
      `
Environment:
  ZASHIKI_PROTECTED_NAMESPACES   namespaces that are never hit: names or re2:…, with commas between (default kube-system)
  ZASHIKI_AGENT_NAMESPACE        where the agents of its nodes are (default zashiki)

Examples:
  zashiki install kubernetes --apply          puts it into the cluster of the current context
  zashiki operator --namespace zashiki        the same, from here`,
    );
  act<Flags>(command, async (_args, flags) => {
    const patience = parseDuration(flags.patience);
    if (patience === undefined)
      throw usage(`--patience "${flags.patience}" is not a duration`, 'write for example 10m');
    const client = await clusterFor({ kubeconfig: flags.kubeconfig, context: flags.context });
    using interrupt = onInterrupt(context, () => [], { idle: true });
    const say = (message: string) =>
      context.stdout.write(
        flags.json
          ? `${JSON.stringify({ time: new Date().toISOString(), message })}\n`
          : `${new Date().toISOString()} ${message}\n`,
      );
    await operate(
      {
        client,
        catalogue: openCatalogue(),
        say,
        settings: {
          namespace: flags.namespace,
          namespaces: flags.watch,
          name: flags.name ?? `${process.env.POD_NAME ?? hostname()}-${process.pid}`,
          pauseImage: flags.pauseImage,
          optIn: flags.optIn ?? false,
          budget: flags.blastRadius,
          patience,
          webhook: flags.webhook === undefined ? undefined : addressOf(flags.webhook),
          state: join(flags.state ?? stateFolder(), 'operator'),
          lease: { duration: 15_000, renewWithin: 10_000, retry: 2000 },
        },
      },
      interrupt.signal,
    );
    return 0;
  });
};
export default define;

function addressOf(text: string): { readonly host: string; readonly port: number } {
  const address = readAddress(text);
  if ('host' in address) return address;
  throw usage(`--webhook "${text}" is not HOST:PORT`, 'write for example 0.0.0.0:9443');
}
