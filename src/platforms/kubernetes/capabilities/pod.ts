import type { PodCapability, PodContainer, PodImage, PodMark, PodState } from '../../../capabilities/pod.ts';
import type { Client } from '../client.ts';
import { type ObjectIdentity, pathOf, told } from '../identity.ts';
import { readNow } from '../look.ts';
import { goneObject, isConflict, isMissing } from '../refusal.ts';
import type { ContainerSpec, ContainerStatus, Pod } from '../types.ts';
import { evictPod } from './evict.ts';
import { graceSeconds, isReplaced, refused } from './refused.ts';

const markKey = 'zashiki.dev/pod-failure';
/** How often a change is tried when others change the pod at the same moment. */
const tries = 20;

/** One pod by its uid. What it is not any more is never changed: each write carries the uid. */
export function podCapability(client: Client, identity: ObjectIdentity): PodCapability {
  const read = () => readNow<Pod>(client, identity);
  const mustRead = async (): Promise<Pod> => {
    const pod = await read();
    if (!pod) throw goneObject(told(identity));
    return pod;
  };
  const { uid } = identity;
  return {
    uid,
    async state() {
      const pod = await read();
      return pod ? stateOf(pod) : gone;
    },
    async remove(grace) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid }, ...graceSeconds(grace) };
      try {
        await client.call({ ...pathOf(identity), method: 'DELETE', verb: 'delete', body });
      } catch (error) {
        // Deleted is what it should be.
        if (isMissing(error) || isReplaced(error)) return;
        throw refused(error, identity, 'delete');
      }
    },
    evict: (grace) => evictPod(client, identity, grace),
    async mark() {
      return markOf(await mustRead());
    },
    async setImages(images, mark, by) {
      for (let attempt = 1; ; attempt++) {
        const pod = await mustRead();
        if ((markOf(pod)?.owner ?? null) !== by) return false;
        const { resourceVersion } = pod.metadata;
        const annotations = { [markKey]: mark === null ? null : JSON.stringify(mark) };
        const body = { metadata: { uid, resourceVersion, annotations }, spec: specOf(pod, images) };
        try {
          const type = 'application/strategic-merge-patch+json';
          await client.call({ ...pathOf(identity), method: 'PATCH', verb: 'patch', type, body });
          return true;
        } catch (error) {
          if (!isConflict(error) || isReplaced(error) || attempt === tries) {
            throw refused(error, identity, 'change the images of');
          }
        }
      }
    },
  };
}

/** Only what is there: a patch would add a container of an unknown name. */
function specOf({ spec }: Pod, images: readonly PodImage[]) {
  const changed = (of: readonly ContainerSpec[] | undefined, init: boolean) =>
    (of ?? []).flatMap(({ name }) => {
      const wanted = images.find((each) => each.container === name && each.init === init);
      return wanted ? [{ name, image: wanted.image }] : [];
    });
  const init = changed(spec.initContainers, true);
  return { containers: changed(spec.containers, false), ...(init.length > 0 ? { initContainers: init } : {}) };
}

/** Whose pod-failure is on a pod. An owner without a name when what is written there is not ours to understand. */
export function markOf({ metadata }: Pick<Pod, 'metadata'>): PodMark | null {
  const text = metadata.annotations?.[markKey];
  if (text === undefined) return null;
  try {
    const { owner, images } = JSON.parse(text) as Partial<PodMark>;
    if (typeof owner === 'string' && Array.isArray(images)) return { owner, images };
  } catch {
    // Whoever wrote it: it is not one that we can act upon.
  }
  return { owner: '', images: [] };
}

const gone: PodState = {
  phase: 'gone',
  terminating: false,
  isSeen: null,
  ready: false,
  grace: 0,
  finalizers: [],
  containers: [],
};
const phases = ['Pending', 'Running', 'Succeeded', 'Failed'] as const;

function stateOf({ metadata, spec, status }: Pod): PodState {
  const of = (
    specs: readonly ContainerSpec[] | undefined,
    seen: readonly ContainerStatus[] | undefined,
    init: boolean,
  ) =>
    (specs ?? []).map(({ name, image }) =>
      containerOf(
        name,
        image,
        init,
        seen?.find((each) => each.name === name),
      ),
    );
  return {
    phase: phases.find((phase) => phase === status?.phase) ?? 'Unknown',
    terminating: metadata.deletionTimestamp !== undefined,
    isSeen: isSeen(metadata.generation, status?.observedGeneration),
    ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
    grace: (spec.terminationGracePeriodSeconds ?? 30) * 1000,
    finalizers: metadata.finalizers ?? [],
    containers: [
      ...of(spec.initContainers, status?.initContainerStatuses, true),
      ...of(spec.containers, status?.containerStatuses, false),
    ],
  };
}

/** Kubernetes tells it since 1.34. */
const isSeen = (generation = 0, observed = 0): boolean | null =>
  generation > 0 && observed > 0 ? observed >= generation : null;

function containerOf(name: string, image: string, init: boolean, seen: ContainerStatus | undefined): PodContainer {
  const { running, waiting, terminated } = seen?.state ?? {};
  const state = running ? 'running' : terminated ? 'terminated' : waiting ? 'waiting' : 'unknown';
  const reason = waiting?.reason ?? terminated?.reason ?? (terminated ? `exit code ${terminated.exitCode}` : '');
  const runs = [seen?.image, seen?.imageID].filter((each) => each !== undefined && each !== '') as string[];
  return { name, init, image, state, reason, id: seen?.containerID ?? '', runs };
}
