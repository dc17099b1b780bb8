import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';

const folder = join(import.meta.dirname, '../../deploy/pumba');

/** One container as a manifest asks for it, whatever kind of manifest that is. */
export interface Wanted {
  readonly manifest: string;
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly user?: string;
  readonly hostPid: boolean;
  readonly privileged: boolean;
  readonly capabilities: readonly string[];
  /** `from` is a path of the machine, or the name of a volume. */
  readonly mounts: readonly { readonly from: string; readonly to: string; readonly readOnly: boolean }[];
  readonly memory?: string;
  readonly restarts: boolean;
}

/** Names of all files in deploy/pumba. */
export const manifests = readdirSync(folder).filter((name) => /\.(ya?ml|service)$/.test(name));

/** The text of one of them. */
export const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** All documents of one; throws what the parser finds wrong with it. */
// biome-ignore lint/suspicious/noExplicitAny: manifests of three tools, read by name
export function documentsOf(name: string): readonly any[] {
  return parseAllDocuments(textOf(name), { merge: true }).map((document) => {
    if (document.errors[0]) throw new Error(`${name}: ${document.errors[0].message}`);
    return document.toJS();
  });
}

/** The containers of our image that one of them starts. */
export function wantedOf(name: string): readonly Wanted[] {
  if (name.endsWith('.service')) return [ofUnit(name)];
  return documentsOf(name).flatMap((document) =>
    document.kind === 'DaemonSet' ? ofPod(name, document.spec.template.spec) : ofServices(name, document.services),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function ofPod(manifest: string, pod: any): readonly Wanted[] {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return pod.containers.map((each: any) => ({
    manifest,
    name: each.name,
    image: each.image,
    ...(each.command ? { command: each.command } : {}),
    args: each.args,
    ...(each.securityContext?.runAsUser === undefined ? {} : { user: String(each.securityContext.runAsUser) }),
    hostPid: pod.hostPID === true,
    privileged: each.securityContext?.privileged === true,
    capabilities: each.securityContext?.capabilities?.add ?? [],
    // biome-ignore lint/suspicious/noExplicitAny: as above
    mounts: each.volumeMounts.map((mount: any) => ({
      // biome-ignore lint/suspicious/noExplicitAny: as above
      from: pod.volumes.find((volume: any) => volume.name === mount.name).hostPath.path,
      to: mount.mountPath,
      readOnly: mount.readOnly === true,
    })),
    memory: each.resources.limits.memory,
    restarts: true,
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: as above
function ofServices(manifest: string, services: any): readonly Wanted[] {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const ours = Object.entries<any>(services).filter(([, { image }]) => image.startsWith('zashiki/'));
  return ours.map(([name, service]) => ({
    manifest,
    name,
    image: service.image,
    args: typeof service.command === 'string' ? service.command.split(' ') : service.command,
    hostPid: service.pid === 'host',
    privileged: service.privileged === true,
    capabilities: service.cap_add ?? [],
    mounts: service.volumes.map(mountOf),
    restarts: service.restart === 'always' || service.deploy?.restart_policy?.condition === 'any',
  }));
}

function mountOf(text: string): Wanted['mounts'][number] {
  const [from = '', to = '', mode] = text.split(':');
  return { from, to, readOnly: mode === 'ro' };
}

/** `docker run` of a systemd unit. */
function ofUnit(name: string): Wanted {
  const unit = textOf(name).replaceAll('\\\n', ' ');
  const words = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(/\s+/) ?? [];
  const at = words.findIndex((word) => word.startsWith('zashiki/'));
  const valuesOf = (flag: string) => words.slice(0, at).filter((_, index) => words[index - 1] === flag);
  return {
    manifest: name,
    name: basename(name, '.service'),
    image: words[at] ?? '',
    args: words.slice(at + 1),
    hostPid: words.includes('--pid'),
    privileged: words.includes('--privileged'),
    capabilities: valuesOf('--cap-add'),
    mounts: valuesOf('--volume').map(mountOf),
    restarts: /^Restart=/m.test(unit),
  };
}
