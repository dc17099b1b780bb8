import type { Structural } from './structural.ts';

/** What a kind needs to be one of Kubernetes. */
export interface CrdParts {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  /** Default: the kind in lower case. */
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly summary: string;
  readonly spec: Structural;
  /** Over the whole object, in CEL. */
  readonly rules?: readonly { readonly rule: string; readonly message: string }[];
  readonly columns?: readonly {
    readonly name: string;
    readonly type: 'string' | 'date' | 'boolean';
    readonly jsonPath: string;
  }[];
}

/** A CustomResourceDefinition: namespaced, one version, its status written apart from the rest. */
export function crd(parts: CrdParts): Readonly<Record<string, unknown>> {
  const { group, version, kind, plural, shortNames, summary, spec, rules, columns } = parts;
  const names = { kind, listKind: `${kind}List`, plural, singular: parts.singular ?? kind.toLowerCase() };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'zashiki' } },
    spec: {
      group,
      names: { ...names, ...(shortNames ? { shortNames } : {}) },
      scope: 'Namespaced',
      versions: [
        {
          ...{ name: version, served: true, storage: true },
          subresources: { status: {} },
          ...(columns ? { additionalPrinterColumns: columns } : {}),
          schema: { openAPIV3Schema: root(summary, spec, rules) },
        },
      ],
    },
  };
}

function root(description: string, spec: Structural, rules: CrdParts['rules']): Structural {
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec,
      // Atomic: otherwise every name in it is kept once more, as a field that somebody manages.
      status: { type: 'object', 'x-kubernetes-map-type': 'atomic', 'x-kubernetes-preserve-unknown-fields': true },
    },
    ...(rules?.length ? { 'x-kubernetes-validations': rules } : {}),
  };
}
