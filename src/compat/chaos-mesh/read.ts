import { nearest } from '../../core/nearest.ts';
import { listed } from '../../spec/desk.ts';
import { examine } from '../../spec/explain.ts';
import { type Path, show } from '../../spec/problem.ts';
import { apiVersion, type ChaosDocument, MetadataFields, oldApiVersion } from './document.ts';
import { acceptedSpec, type Kind } from './kind.ts';
import { kinds } from './kinds/index.ts';
import { checkLegacy } from './kinds/legacy-rules.ts';
import { unsupportedKinds } from './kinds/unsupported.ts';
import { modernise, type Note } from './modernise.ts';
import { notYet, remarksOf } from './remarks.ts';
import { collect, type Finding, mapOf, type Raw, type Say } from './say.ts';
import { withDefaults } from './with-defaults.ts';

/** What a document comes to: what is wrong with it, or what it says. */
export type ReadChaos =
  | { readonly findings: readonly Finding[] }
  | { readonly findings?: undefined; readonly documents: readonly ChaosDocument[]; readonly notes: readonly Note[] };

/** Is it a document of Chaos Mesh, of any time? */
export const isChaosMesh = (value: unknown): boolean =>
  /^(chaos-mesh\.org|pingcap\.com)\//.test(String(mapOf(value)?.apiVersion));

/**
 * Read a document of Chaos Mesh, old style or new: validate it, put it into the form of v2, fill in the defaults.
 * `namespace`: of a document that names none. Paths of findings are those of the document as it was given.
 */
export function readChaos(value: unknown, namespace = 'default'): ReadChaos {
  const document = mapOf(value);
  const { findings, say } = collect();
  if (!document) {
    say([], `a document is a map with apiVersion, kind, metadata and spec, not ${show(value)}`);
    return { findings };
  }
  const kind = kindOf(document, say);
  if (!kind) return { findings };
  checkTop(document, say);
  checkName(document, kind, say);
  checkSpec(document, kind, say);
  const spec = mapOf(document.spec) ?? {};
  if (findings.length === 0) {
    for (const [path, name] of notYet(kind.kind, spec)) {
      say(path, `${name} is known, and not yet available in this version: nothing was done`, { code: 'not-available' });
    }
  }
  if (findings.length > 0) return { findings };
  const { documents, notes } = modernise(document, kind);
  const remarks = remarksOf(kind.kind, spec);
  return { documents: documents.map((each) => withDefaults(each, namespace)), notes: [...notes, ...remarks] };
}

/** Only what is wrong with it, or not to be had; empty: it is sound. */
export const findingsOf = (value: unknown): readonly Finding[] => readChaos(value).findings ?? [];

function kindOf(document: Raw, say: Say): Kind | undefined {
  const { apiVersion: version, kind: name } = document;
  if (version !== apiVersion && version !== oldApiVersion) {
    say(['apiVersion'], `not ${show(version)}: write apiVersion: ${apiVersion}`);
    return undefined;
  }
  const found = kinds.find(({ kind }) => kind === (name === 'IoChaos' ? 'IOChaos' : name));
  if (found) return found;
  if (typeof name === 'string' && Object.hasOwn(unsupportedKinds, name)) {
    say(['kind'], `${name} is not supported: ${unsupportedKinds[name]}`, { code: 'not-supported' });
    return undefined;
  }
  const names = kinds.map(({ kind }) => kind);
  const near = typeof name === 'string' ? nearest(name, [...names, ...Object.keys(unsupportedKinds)]) : undefined;
  const what = name === undefined ? 'missing: a kind is needed here' : `${version} has no kind ${show(name)}`;
  say(['kind'], `${what}; ${near ? `did you mean "${near}"? ` : ''}known: ${listed(names)}`);
  return undefined;
}

function checkTop(document: Raw, say: Say): void {
  const known = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];
  for (const key of Object.keys(document).filter((each) => !known.includes(each))) {
    say(
      [key],
      key === 'scheduler'
        ? '"scheduler" belongs under spec: indent it below "spec:"'
        : `unknown key "${key}"; known: ${listed(known)}`,
      { on: 'key' },
    );
  }
}

/** What is made of a Schedule gets five letters and a dash more; of a Workflow, eleven. */
const roomFor = { Schedule: 57, Workflow: 51 } as const;

function checkName(document: Raw, kind: Kind, say: Say): void {
  const { findings } = examine(MetadataFields, document.metadata);
  for (const found of findings) say(['metadata', ...found.path], found.message, { on: found.on });
  const { name, generateName } = mapOf(document.metadata) ?? {};
  if (findings.length > 0 || typeof name !== 'string') {
    if (findings.length === 0 && !generateName) say(['metadata', 'name'], 'missing: a name is needed here');
    return;
  }
  const spec = mapOf(document.spec);
  const repeats = kind.kind === 'Schedule' || mapOf(spec?.scheduler) !== undefined;
  const most = repeats ? (spec?.type === 'Workflow' ? roomFor.Workflow : roomFor.Schedule) : 253;
  if (name.length > most)
    say(
      ['metadata', 'name'],
      `too long: ${name.length} characters; what is made each time needs room for its own, so at most ${most}`,
    );
}

function checkSpec(document: Raw, kind: Kind, say: Say): void {
  const path: Path = ['spec'];
  const { findings } = examine(acceptedSpec(kind), document.spec);
  for (const found of findings) say([...path, ...found.path], found.message, { on: found.on });
  const spec = mapOf(document.spec);
  if (!spec) return;
  // What the schema has said about a field, the rules need not say again.
  const said = new Set(findings.map(({ path: at }) => JSON.stringify([...path, ...at])));
  const more = collect();
  kind.rules(spec, path, more.say);
  checkLegacy(kind, spec, path, more.say);
  if (typeof spec.remoteCluster === 'string' && spec.remoteCluster !== '') {
    more.say([...path, 'remoteCluster'], 'remote clusters are not supported: apply the document in that cluster', {
      on: 'key',
      code: 'not-supported',
    });
  }
  for (const { path: at, message, on, code } of more.findings) {
    if (!said.has(JSON.stringify(at))) say(at, message, { on, code });
  }
}
