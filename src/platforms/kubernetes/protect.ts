import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { ZashikiError } from '../../core/errors.ts';
import { equalsPattern, patternProblem } from '../../core/pattern.ts';
import type { Kind } from './selector.ts';
import type { Meta, Pod } from './types.ts';

/** `disabled` spares an object or all in a namespace, `enabled` lets a namespace in where only those are; label or annotation. */
export const policyKey = 'zashiki.dev/inject';
const skipLabel = 'zashiki.dev/skip';
const mirror = 'kubernetes.io/config.mirror';
const ours = (meta: Meta) => meta.labels?.['app.kubernetes.io/name'] === 'zashiki';

/** Who we are, when we run in a pod of a cluster. */
export interface Own {
  readonly namespace: string;
  readonly pod: string;
  /** Where that is known. */
  readonly node?: string | undefined;
}

/** The rules of this process: which namespaces are never hit, and which pod is us. */
export interface Rules {
  readonly protectedNamespaces: readonly string[];
  readonly own: Own | undefined;
}

/**
 * From the environment: ZASHIKI_PROTECTED_NAMESPACES (a list with commas, of names or `re2:` and a regular expression;
 * default kube-system), NODE_NAME. Throws `usage` for an expression that is none.
 */
export function rulesHere(env: Readonly<Record<string, string | undefined>> = process.env): Rules {
  const given = env.ZASHIKI_PROTECTED_NAMESPACES;
  const names = given === undefined ? ['kube-system'] : given.split(',').map((name) => name.trim());
  const protectedNamespaces = names.filter((name) => name !== '');
  for (const name of protectedNamespaces) {
    const problem = patternProblem(name);
    if (problem) throw new ZashikiError('usage', `ZASHIKI_PROTECTED_NAMESPACES: "${name}": ${problem}`);
  }
  return { protectedNamespaces, own: ownPod(env) };
}

/** Is nothing in this namespace ever hit? */
export const isProtected = (namespace: string, protectedNamespaces: readonly string[]): boolean =>
  protectedNamespaces.some((pattern) => equalsPattern(pattern, namespace));

function ownPod(env: Readonly<Record<string, string | undefined>>): Own | undefined {
  const file = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
  if (!env.KUBERNETES_SERVICE_HOST || !existsSync(file)) return undefined;
  return {
    namespace: readFileSync(file, 'utf8').trim(),
    pod: env.POD_NAME || hostname(),
    node: env.NODE_NAME || undefined,
  };
}

/** Label before annotation. */
function policyOf(meta: Meta): string | undefined {
  return meta.labels?.[policyKey] ?? meta.annotations?.[policyKey];
}

/** Why nothing in this namespace may be hit, or undefined. `optIn`: only what says `enabled` may. */
export function sparedNamespace(meta: Meta, rules: Rules, optIn = false): string | undefined {
  if (isProtected(meta.name, rules.protectedNamespaces)) return `in the protected namespace ${meta.name}`;
  const policy = policyOf(meta);
  if (policy === 'disabled') return `the namespace ${meta.name} says ${policyKey}: disabled`;
  if (ours(meta)) return `in Zashiki’s own namespace ${meta.name}`;
  if (optIn && policy !== 'enabled') return `the namespace ${meta.name} does not say ${policyKey}: enabled`;
  return undefined;
}

/** Why this object itself may not be hit, or undefined. */
export function sparedObject(kind: Kind, { metadata }: { readonly metadata: Meta }, rules: Rules): string | undefined {
  const policy = policyOf(metadata);
  if (policy === 'disabled') return `opted out by ${policyKey}: disabled`;
  if (metadata.labels?.[skipLabel] === 'true') return `opted out by the label ${skipLabel}`;
  if (ours(metadata)) return 'a part of Zashiki';
  const { own } = rules;
  if (kind === 'pod') {
    if (metadata.annotations?.[mirror] !== undefined) return 'a static pod: its kubelet alone decides about it';
    if (own && metadata.namespace === own.namespace && metadata.name === own.pod) return 'Zashiki runs in it';
  }
  if (kind !== 'node') return undefined;
  if (own?.node === metadata.name) return 'Zashiki runs on it';
  const isControl = metadata.labels?.['node-role.kubernetes.io/control-plane'] !== undefined;
  return isControl && policy !== 'enabled' ? `a control-plane node that does not say ${policyKey}: enabled` : undefined;
}

/** It belongs to a set that puts one on each node whatever happens. */
export const ofDaemonSet = ({ metadata }: Pod): boolean =>
  metadata.ownerReferences?.some(({ kind, controller }) => kind === 'DaemonSet' && controller) === true;
