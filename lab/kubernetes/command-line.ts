/** What `npm run lab:kubernetes -- …` is asked to do. */
export type Command =
  | { readonly do: 'run'; readonly argv: readonly string[]; readonly options: Options }
  | { readonly do: 'help' };

/** How a command runs. */
export interface Options {
  /** Name of the cluster; none: the usual one. */
  readonly name?: string;
  /** Keep the cluster afterwards. */
  readonly keep: boolean;
  /** Import this checkout's image under this name before the command. */
  readonly ours?: string;
  /** Archives to import before the command. */
  readonly images: readonly string[];
  /** Instead of a command. */
  readonly special?: 'shell' | 'status' | 'down' | 'clean' | 'build' | 'node';
  /** Which node, for `node`. */
  readonly node?: string;
}

/** The text of `--help`. */
export const help = `Runs a command beside a real Kubernetes cluster of this machine: control plane, two nodes.

Usage: npm run lab:kubernetes -- [options] COMMAND [ARGUMENTS]
       npm run lab:kubernetes -- [options] --keep | --shell | --node n1 [COMMAND…]
       npm run lab:kubernetes -- --build | --status | --down | --clean | --help

Options:
  --name NAME       the cluster; several live side by side (default: ZASHIKI_LAB_KUBERNETES, or "shared")
  --keep            keep the cluster after the command, till --down
  --ours[=IMAGE]    import the image of this checkout's dist/ first (default name: zashiki/zashiki:dev)
  --image FILE      import an archive of images (docker save, or OCI) first; repeatable
  --shell           a shell instead of a command
  --node NAME       the command, or a shell, inside that node
  --build           only build what is not in the cache
  --status          what runs here
  --down            let go of a kept cluster
  --clean           end it, whoever holds it, and remove all that is left of it; and the cache of built programs
                    and images that all clusters share, unless another cluster is there or a build goes on

Examples:
  npm run lab:kubernetes -- kubectl get nodes
  npm run lab:kubernetes -- --keep
  npm run lab:kubernetes -- --node n1 ctr --namespace k8s.io tasks list

KUBECONFIG is set for the command. The exit code is that of the command; 125: the lab itself failed.
`;

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Read the command line. Options end at the first word that is none, or at `--`. Throws `UsageError`. */
export function parseCommandLine(args: readonly string[]): Command {
  let options: Options = { keep: false, images: [] };
  const left = [...args];
  const take = (option: string): string => {
    const value = left.shift();
    if (value === undefined) throw new UsageError(`${option} needs a value`);
    return value;
  };
  const instead = (special: NonNullable<Options['special']>) => {
    if (options.special) throw new UsageError(`--${options.special} and --${special} at once`);
    options = { ...options, special };
  };
  while (left[0]?.startsWith('-')) {
    const option = left.shift() ?? '';
    if (option === '--') break;
    if (option === '-h' || option === '--help') return { do: 'help' };
    if (option === '--keep') options = { ...options, keep: true };
    else if (option === '--name') options = { ...options, name: take(option) };
    else if (option === '--ours') options = { ...options, ours: 'zashiki/zashiki:dev' };
    else if (option.startsWith('--ours=')) options = { ...options, ours: option.slice('--ours='.length) };
    else if (option === '--image') options = { ...options, images: [...options.images, take(option)] };
    else if (option === '--node') {
      instead('node');
      options = { ...options, node: take(option) };
    } else if (/^--(shell|status|down|clean|build)$/.test(option)) instead(option.slice(2) as 'shell');
    else throw new UsageError(`no option ${option}`);
  }
  if (options.special && options.special !== 'node' && left.length > 0)
    throw new UsageError(`--${options.special} takes no command, there is ${left[0]}`);
  const idle = !options.special && !options.keep && !options.ours && options.images.length === 0;
  if (left.length === 0 && idle) throw new UsageError('no command');
  return { do: 'run', argv: left, options };
}
