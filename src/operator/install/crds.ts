import { chaosMeshCrds } from '../../compat/chaos-mesh/crds.ts';
import { ownCrds } from '../../spec/kubernetes/own-crds.ts';
import type { KubernetesObject } from './options.ts';

/**
 * All definitions of an installation. The status of every kind is a resource of its own: it holds undo records, which
 * nobody may write who may only write documents.
 */
export const crds = (): readonly KubernetesObject[] =>
  [...ownCrds(), ...chaosMeshCrds()].map((definition) => definition as unknown as KubernetesObject);
