import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Budget } from '../../operator/budget.ts';
import {
  applyObjects,
  type InstallOptions,
  manifest,
  usualInstall,
  whenGone,
  whenReady,
} from '../../operator/install/index.ts';
import { usualImage } from '../../platforms/kubernetes/agent/pod-spec.ts';
import { clusterFor } from '../../platforms/kubernetes/client.ts';
import { budgetText, readBudget, writeBudget } from '../budget-flag.ts';
import { act, type DefineCommand } from '../command.ts';
import { usage } from '../context.ts';
import { onInterrupt } from '../interrupt.ts';
import { collect } from '../trigger-flags.ts';
import { number } from './plan.ts';

/** Flags that say what an installation is like. */
export interface InstallFlags {
  readonly namespace: string;
  readonly image: string;
  readonly replicas: number;
  readonly namespaced?: readonly string[];
  readonly optIn?: boolean;
  readonly allowExec?: boolean;
  readonly blastRadius?: Budget;
  readonly pauseImage?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** The installation that the flags mean. */
export const installOptionsOf = (flags: InstallFlags): InstallOptions => ({
  namespace: flags.namespace,
  image: flags.image,
  replicas: flags.replicas,
  watch: flags.namespaced,
  optIn: flags.optIn ?? false,
  allowExec: flags.allowExec ?? false,
  blastRadius: flags.blastRadius && writeBudget(flags.blastRadius),
  pauseImage: flags.pauseImage,
});

/** The same flags for install and uninstall. */
export function declareInstall(command: Command): Command {
  return command
    .argument('<where>', 'kubernetes')
    .option('--namespace <name>', 'where the operator and its agents live', usualInstall.namespace)
    .addOption(
      command
        .createOption('--image <image>', 'image of all roles')
        .default(usualImage(), 'zashiki/zashiki of this version'),
    )
    .option('--replicas <n>', 'operators, of which one leads', number, usualInstall.replicas)
    .option('--namespaced <namespace>', 'only resources and pods of this namespace (repeatable)', collect)
    .option('--opt-in', 'only pods of namespaces that say zashiki.dev/inject: enabled')
    .option('--allow-exec', 'experiments may run programs in pods (container-exec)')
    .option('--blast-radius <limit>', budgetText, readBudget)
    .option('--pause-image <image>', 'image of pods that are made to fail')
    .option('--kubeconfig <file>', 'default: KUBECONFIG, ~/.kube/config')
    .option('--context <name>', 'context of the kubeconfig');
}

/** Throws `usage` for any other place. */
export function mustBeKubernetes([where]: readonly string[]): void {
  if (where !== 'kubernetes') throw usage(`"${where}" is no place to install to`, 'write: zashiki install kubernetes');
}

interface Flags extends InstallFlags {
  readonly apply?: boolean;
  readonly wait: boolean;
}

/** `zashiki install kubernetes`: prints or applies one manifest. */
const define: DefineCommand = (command, context) => {
  declareInstall(command)
    .summary('put operator and agents into a Kubernetes cluster')
    .description('Print everything that makes an installation as one manifest; with --apply, put it into the cluster.')
    .option('--apply', 'put it into the cluster of the current context')
    .option('--no-wait', 'do not wait until it is ready')
    .addHelpText(
      'after',
      `
Examples:
  zashiki install kubernetes | kubectl apply --server-side -f -
  zashiki install kubernetes --apply --blast-radius 20
  zashiki install kubernetes --apply --namespaced shop`,
    );
  act<Flags>(command, async (args, flags) => {
    mustBeKubernetes(args);
    const objects = manifest(installOptionsOf(flags));
    if (!flags.apply) {
      const text = flags.json
        ? `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`
        : objects.map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false })}`).join('');
      context.stdout.write(text);
      return 0;
    }
    const client = await clusterFor({ kubeconfig: flags.kubeconfig, context: flags.context });
    using interrupt = onInterrupt(context, () => [], { idle: true });
    const say = (line: string) => void context.stderr.write(`${line}\n`);
    const going = await whenGone(client, objects, { ms: 120_000, signal: interrupt.signal, say });
    if (going !== undefined) {
      say(`still being deleted: ${going}; nothing was applied`);
      return 4;
    }
    await applyObjects(client, objects, (line) => void context.stderr.write(`applied ${line}\n`));
    const waiting = flags.wait ? await whenReady(client, objects, 180_000, interrupt.signal) : undefined;
    if (waiting === undefined) {
      if (flags.wait) say('ready: kubectl apply your resources');
      return 0;
    }
    context.stderr.write(`not ready yet: ${waiting}\n`);
    say(
      `  see: kubectl -n ${flags.namespace} get pods; the nodes must have, or be able to pull, ${flags.image} (--image)`,
    );
    return 4;
  });
};
export default define;
