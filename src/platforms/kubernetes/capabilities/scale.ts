import type { ScaleCapability } from '../../../capabilities/scale.ts';
import type { Client } from '../client.ts';
import { type ObjectIdentity, pathOf, told } from '../identity.ts';
import { readNow } from '../look.ts';
import { goneObject, isConflict } from '../refusal.ts';
import type { Meta, Workload } from '../types.ts';
import { isReplaced, refused } from './refused.ts';

const tries = 20;

interface Scale {
  readonly metadata: Meta;
  readonly spec: { readonly replicas?: number };
}

/** The replicas of one workload, by its scale subresource. */
export function scaleCapability(client: Client, identity: ObjectIdentity): ScaleCapability {
  const mustRead = async (): Promise<Workload> => {
    const workload = await readNow<Workload>(client, identity);
    if (!workload) throw goneObject(told(identity));
    return workload;
  };
  const place = pathOf(identity, 'scale');
  return {
    async state() {
      const { spec, status } = await mustRead();
      return { replicas: spec?.replicas ?? 1, now: status?.replicas ?? 0, ready: status?.readyReplicas ?? 0 };
    },
    async set(replicas, from) {
      for (let attempt = 1; ; attempt++) {
        try {
          const scale = await client.call<Scale>({ ...place, method: 'GET', verb: 'get' });
          if (scale.metadata.uid !== identity.uid) throw goneObject(told(identity));
          if ((scale.spec.replicas ?? 0) !== from) return false;
          const body = { ...scale, spec: { ...scale.spec, replicas } };
          await client.call({ ...place, method: 'PUT', verb: 'update', body });
          return true;
        } catch (error) {
          if (!isConflict(error) || isReplaced(error) || attempt === tries) throw refused(error, identity, 'scale');
        }
      }
    },
  };
}
