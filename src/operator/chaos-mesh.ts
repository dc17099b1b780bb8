import {
  type ChaosDocument,
  type ChaosExperiment,
  isExperiment,
  methodOf,
  pauseAnnotation,
  readChaos,
} from '../compat/chaos-mesh/index.ts';
import { modeOf, selectorOf } from '../compat/chaos-mesh/target.ts';
import { canonicalJson } from '../core/canonical.ts';
import { parseGoDuration } from '../core/schedule/go-duration.ts';
import { faultSteps } from '../core/steps.ts';
import { formatPath } from '../spec/problem.ts';
import { byNamespace } from './choice.ts';
import type { Chosen, End, Meaning, MeantStep, Read } from './meaning.ts';
import type { Resource } from './resource.ts';

/** What the installation adds to what documents say. */
export interface ChaosSettings {
  /** Image of pods that are made to fail. */
  readonly pauseImage?: string | undefined;
  /** Only namespaces that say `zashiki.dev/inject: enabled`. */
  readonly optIn?: boolean | undefined;
}

/** A resource of Chaos Mesh as documents in the form of v2, or what is wrong with it. */
export type ReadDocuments =
  | { readonly documents: readonly ChaosDocument[]; readonly notes: readonly string[] }
  | { readonly problems: readonly string[] };

/** Read it, old style or new. */
export function documentsOf(resource: Pick<Resource, 'apiVersion' | 'kind' | 'metadata' | 'spec'>): ReadDocuments {
  const { apiVersion, kind, metadata, spec } = resource;
  const { name, namespace, labels, annotations } = metadata;
  const given = {
    apiVersion,
    kind,
    metadata: { name, namespace, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
    spec,
  };
  const read = readChaos(given, namespace);
  if (read.findings) {
    return { problems: read.findings.map(({ path, message }) => `${formatPath(path) || kind}: ${message}`) };
  }
  return {
    documents: read.documents,
    notes: read.notes.map(({ path, message }) => `${formatPath(path)}: ${message}`),
  };
}

/** What a resource of a fault's kind asks for. */
export function meaningOf(resource: Resource, settings: ChaosSettings = {}): Read {
  const read = documentsOf(resource);
  if ('problems' in read) return read;
  const [document] = read.documents;
  if (!document || !isExperiment(document)) return { problems: [`${resource.kind} is read as ${document?.kind}`] };
  const isPaused = resource.metadata.annotations?.[pauseAnnotation] === 'true';
  return { meaning: { ...meaningOfDocument(document, settings), isPaused } };
}

/** The same for a document, as a Schedule makes them. */
export function meaningOfDocument(document: ChaosExperiment, settings: ChaosSettings = {}): Omit<Meaning, 'isPaused'> {
  const { spec } = document;
  const oneShot = document.kind === 'PodChaos' && document.spec.action !== 'pod-failure';
  const within = (selector: End['selector']): End['selector'] =>
    settings.optIn ? { ...selector, optIn: true } : selector;
  const target = document.kind === 'NetworkChaos' ? document.spec.target : undefined;
  const ends: Record<string, End> = {
    source: { selector: within(selectorOf(spec.selector)), ...modeOf(spec) },
    ...(target ? { target: { selector: within(selectorOf(target.selector)), ...modeOf(target) } } : {}),
  };
  return {
    oneShot,
    ...(oneShot || spec.duration === undefined ? {} : { duration: Math.max(1, parseGoDuration(spec.duration)) }),
    ends,
    steps: (chosen) => stepsOf(document, chosen, settings),
  };
}

function stepsOf(document: ChaosExperiment, chosen: Chosen, { pauseImage }: ChaosSettings): readonly MeantStep[] {
  const source = byNamespace(chosen.source ?? []);
  const target = chosen.target && byNamespace(chosen.target);
  const method = methodOf(document, target ? { source, target } : { source });
  return faultSteps(method).map(({ path, step }) => {
    const { pods } = step.target.selector as { pods?: unknown };
    const atTarget = target !== undefined && canonicalJson(pods) === canonicalJson(target);
    const image = step.fault === 'pod-failure' && pauseImage !== undefined ? { pauseImage } : {};
    return {
      path,
      step: { ...step, params: { ...step.params, ...image } },
      selectorKey: atTarget && canonicalJson(source) !== canonicalJson(target) ? '.Target' : '.',
      others: (atTarget ? chosen.source : chosen.target) ?? [],
    };
  });
}
