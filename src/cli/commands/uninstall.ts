import { manifest, retire, uninstall } from '../../operator/install/index.ts';
import { clusterFor } from '../../platforms/kubernetes/client.ts';
import { act, type DefineCommand } from '../command.ts';
import { onInterrupt } from '../interrupt.ts';
import { declareInstall, type InstallFlags, installOptionsOf, mustBeKubernetes } from './install.ts';

interface Flags extends InstallFlags {
  readonly keepCrds?: boolean;
  readonly recoverOnly?: boolean;
  readonly force?: boolean;
}

/** `zashiki uninstall kubernetes`: recovers everything, then removes the installation. */
const define: DefineCommand = (command, context) => {
  declareInstall(command)
    .summary('recover everything, then take operator and agents out of a cluster')
    .description(
      'Pull the stop lever, wait until nothing is on any more, then remove the installation with its definitions and the resources of these kinds.',
    )
    .option('--keep-crds', 'keep the definitions, and with them all resources of these kinds')
    .option('--recover-only', 'recover everything and end the operator, and leave the rest to others, as to Helm')
    .option('--force', 'remove it although something may still be on')
    .addHelpText(
      'after',
      `
Examples:
  zashiki uninstall kubernetes
  zashiki uninstall kubernetes --namespace chaos --keep-crds`,
    );
  act<Flags>(command, async (args, flags) => {
    mustBeKubernetes(args);
    const client = await clusterFor({ kubeconfig: flags.kubeconfig, context: flags.context });
    using interrupt = onInterrupt(context, () => [], { idle: true });
    const options = {
      namespace: flags.namespace,
      keepCrds: flags.keepCrds ?? false,
      force: flags.force ?? false,
      timeoutMs: 120_000,
    };
    const say = (line: string) => void context.stderr.write(`${line}\n`);
    if (flags.recoverOnly) await retire(client, options, say, interrupt.signal);
    else await uninstall(client, manifest(installOptionsOf(flags)), options, say, interrupt.signal);
    return 0;
  });
};
export default define;
