import { ZashikiError } from '../../../../core/errors.ts';
import type { Json, JsonObject } from '../../../../core/model.ts';
import type { Client } from './client.ts';
import { isMissing, refused } from './errors.ts';
import type { EndpointSettings, InspectedContainer } from './types.ts';

/** What `recreate` needs. Holds the container's environment: treat it as a secret. */
type Blueprint = {
  readonly name: string;
  readonly oldId: string;
  readonly imageId: string;
  readonly config: JsonObject;
  readonly hostConfig: JsonObject;
  /** In the order in which they are connected; the first one is given at creation. */
  readonly networks: readonly { readonly name: string; readonly settings: JsonObject }[];
  readonly running: boolean;
};

/**
 * Everything needed to make a container again: its settings, its networks with aliases and fixed addresses, its volumes.
 * Anonymous volumes are named by their ids then, so that the new container has the old data (and `rm -v` keeps them).
 */
export function blueprintOf(seen: InspectedContainer): JsonObject {
  const short = seen.Id.slice(0, 12);
  const { Hostname, ...config } = seen.Config;
  const binds = [...(seen.HostConfig.Binds ?? [])];
  const placed = new Set([...binds.map((bind) => bind.split(':')[1]), ...mountTargets(seen)]);
  for (const { Type, Name, Destination, RW } of seen.Mounts ?? []) {
    if (Type === 'volume' && Name && !placed.has(Destination)) binds.push(`${Name}:${Destination}${RW ? '' : ':ro'}`);
  }
  const mode = seen.HostConfig.NetworkMode ?? 'default';
  const first = mode === 'default' ? 'bridge' : mode;
  const networks = Object.entries(seen.NetworkSettings.Networks ?? {})
    .map(([name, settings]) => ({ name, settings: settingsOf(settings, short) }))
    .sort((a, b) => Number(b.name === first) - Number(a.name === first) || (a.name < b.name ? -1 : 1));
  return plain({
    name: seen.Name.replace(/^\//, ''),
    oldId: seen.Id,
    imageId: seen.Image,
    // The default name of its machine is its own id: the new one gets a new one.
    config: Hostname === short || sharesNetwork(mode) ? config : { ...config, Hostname },
    hostConfig: { ...seen.HostConfig, Binds: binds, ...ulimitsOf(seen) },
    networks: sharesNetwork(mode) ? [] : networks,
    running: seen.State.Running,
  } satisfies { [key in keyof Blueprint]: unknown });
}

/** Podman tells `RLIMIT_NOFILE` where it takes only `nofile`. */
function ulimitsOf({ HostConfig }: InspectedContainer): object {
  const ulimits = HostConfig.Ulimits as readonly { Name: string }[] | null | undefined;
  if (!ulimits) return {};
  return { Ulimits: ulimits.map((each) => ({ ...each, Name: each.Name.replace(/^RLIMIT_/, '').toLowerCase() })) };
}

const sharesNetwork = (mode: string): boolean => mode === 'host' || mode === 'none' || mode.startsWith('container:');

/** Where `HostConfig.Mounts` puts named volumes: they come back with it. */
function mountTargets(seen: InspectedContainer): readonly string[] {
  const mounts = seen.HostConfig.Mounts as
    | readonly { Target?: string; Source?: string; Type?: string }[]
    | null
    | undefined;
  return (mounts ?? []).filter(({ Type, Source }) => Type !== 'volume' || Source).flatMap(({ Target }) => Target ?? []);
}

function settingsOf({ IPAMConfig, Links, Aliases, DriverOpts }: EndpointSettings, short: string): object {
  const aliases = (Aliases ?? []).filter((alias) => alias !== short);
  return {
    ...(IPAMConfig ? { IPAMConfig } : {}),
    ...(Links ? { Links } : {}),
    ...(aliases.length > 0 ? { Aliases: aliases } : {}),
    ...(DriverOpts ? { DriverOpts } : {}),
  };
}

const plain = (value: object): JsonObject => JSON.parse(JSON.stringify(value)) as JsonObject;

/**
 * Make and start it again, unless one like it has its name: that one is completed when it was never started (a creation
 * that was cut short), and left alone otherwise. Returns the id. Throws `recover-failed` when a stranger has the name.
 */
export async function recreateFrom(client: Client, json: Json): Promise<string> {
  const blueprint = json as Blueprint;
  const { name, oldId, imageId, config, hostConfig, networks, running } = blueprint;
  const path = (id: string) => `/containers/${encodeURIComponent(id)}`;
  let seen = await lookUp(client, name);
  if (seen?.Id === oldId)
    throw new ZashikiError('recover-failed', `${name} is not removed yet, so it is not made again`);
  if (seen && !isLike(seen, blueprint)) {
    const message = `${seen.Id.slice(0, 12)} has the name ${name} now, and is another container: it is left alone`;
    throw new ZashikiError('recover-failed', message, {
      hint: `give it another name (docker rename) and run \`zashiki recover\`: then ${name} is made again`,
    });
  }
  if (seen && seen.State.Status !== 'created') return seen.Id;
  const [first, ...others] = networks;
  try {
    if (!seen) {
      const image = (await isImage(client, String(config.Image), imageId)) ? config.Image : imageId;
      const EndpointsConfig = first ? { [first.name]: first.settings } : {};
      const body = {
        ...config,
        Image: image,
        HostConfig: withoutMountedVolumes(hostConfig),
        NetworkingConfig: { EndpointsConfig },
      };
      await client.call('POST', '/containers/create', { query: { name }, body });
      seen = await lookUp(client, name);
    }
    if (!seen) throw new ZashikiError('recover-failed', `${name} was made again and is gone`);
    const connected = Object.keys(seen.NetworkSettings.Networks ?? {});
    for (const network of others) {
      if (connected.includes(network.name)) continue;
      const body = { Container: seen.Id, EndpointConfig: network.settings };
      await client.call('POST', `/networks/${encodeURIComponent(network.name)}/connect`, { body });
    }
    if (running) await client.call('POST', `${path(seen.Id)}/start`);
    return seen.Id;
  } catch (error) {
    // Not `target-gone`, although an image or a network may be missing: the container must come back.
    if (isMissing(error)) {
      throw new ZashikiError('recover-failed', `cannot make ${name} again: ${error.message}`, {
        hint: 'bring back what is missing and run `zashiki recover`',
        cause: error,
      });
    }
    throw refused(error, oldId, `make ${name} again, formerly`);
  }
}

/** Made from the same image, to run the same with the same labels: ours of an earlier try, or as good as the old one. */
function isLike(seen: InspectedContainer, { imageId, config }: Blueprint): boolean {
  const parts = ({ Cmd, Entrypoint, Env, Labels, User, WorkingDir }: Record<string, unknown>) =>
    JSON.stringify([
      ...[Cmd, Entrypoint].map((list) => list ?? []),
      [...((Env as string[] | null | undefined) ?? [])].sort(),
      Object.entries(Labels ?? {}).sort(([one], [other]) => (one < other ? -1 : 1)),
      ...[User, WorkingDir].map((text) => text ?? ''),
    ]);
  return seen.Image === imageId && parts(seen.Config) === parts(config);
}

/** An anonymous volume given as a mount is in `Binds` by its name by now: given twice, the engine would refuse. */
function withoutMountedVolumes(hostConfig: JsonObject): JsonObject {
  const mounts = hostConfig.Mounts as readonly JsonObject[] | null | undefined;
  if (!mounts) return hostConfig;
  return { ...hostConfig, Mounts: mounts.filter(({ Type, Source }) => Type !== 'volume' || Source) };
}

async function lookUp(client: Client, name: string): Promise<InspectedContainer | undefined> {
  try {
    const seen = await client.call<InspectedContainer>('GET', `/containers/${encodeURIComponent(name)}/json`);
    // A name may be the beginning of another container's id.
    return seen.Name.replace(/^\//, '') === name ? seen : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Does this name still mean the very image that the container had? */
async function isImage(client: Client, name: string, id: string): Promise<boolean> {
  try {
    return (await client.call<{ Id: string }>('GET', `/images/${name}/json`)).Id === id;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
