// Writes deploy/helm from the manifest of `zashiki install kubernetes`, and the hook of `helm uninstall`. With --check it
// writes nothing and fails when a file on disk is not what would be written. Where values stand, the manifest is made with
// marks that become templates.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { type InstallOptions, type KubernetesObject, manifest, usualInstall } from '../src/operator/install/index.ts';
import { uninstallHook } from './chart-hook.ts';

const root = resolve(import.meta.dirname, '..');
const folder = join(root, 'deploy/helm');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

const marks: InstallOptions = {
  ...usualInstall,
  namespace: 'MARK-NAMESPACE',
  image: 'MARK-IMAGE',
  replicas: 424242,
};
const namespaceMark = new RegExp(marks.namespace, 'g');

const values = `# The image of all roles.
image: zashiki/zashiki:${version}
# Operators, of which one leads.
replicas: ${usualInstall.replicas}
# Only pods of namespaces that say zashiki.dev/inject: enabled.
optIn: false
# Most targets that anything may be on at a time, over all resources: 20, or 30% of the pods of each namespace; null: no
# limit.
blastRadius: null
# Image of pods that are made to fail; empty: the usual one.
pauseImage: ""
# Experiments may run programs in pods (container-exec).
allowExec: false
`;

const chart = `apiVersion: v2
name: zashiki
description: Chaos engineering that always cleans up. Operator and agents for Kubernetes.
type: application
version: ${version}
appVersion: ${version}
kubeVersion: ">=1.28.0-0"
`;

const header = '# Made by `npm run chart` from the manifest of `zashiki install kubernetes`. Change that, not this.\n';

/** Flags of the operator that depend on values, after its fixed ones. */
const flags = `
{{- if .Values.optIn }}
            - --opt-in
{{- end }}
{{- if ne (toString (default "" .Values.blastRadius)) "" }}
            - --blast-radius
            - {{ .Values.blastRadius | toString | quote }}
{{- end }}
{{- if .Values.pauseImage }}
            - --pause-image
            - {{ .Values.pauseImage | quote }}
{{- end }}`;

const execRule = `{{- if .Values.allowExec }}
  - apiGroups:
      - ""
    resources:
      - pods/exec
    verbs:
      - get
      - create
{{- end }}
`;

function template(object: KubernetesObject): string {
  let text = stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })
    .replace(namespaceMark, '{{ .Release.Namespace }}')
    .replace(/\bMARK-IMAGE\b/g, '{{ .Values.image | quote }}')
    .replace(/\b424242\b/g, '{{ .Values.replicas }}');
  if (object.kind === 'Deployment') text = text.replace(/(\n +- --state\n +- \/var\/lib\/zashiki)\n/, `$1${flags}\n`);
  if (object.kind === 'ClusterRole') text = `${text.trimEnd()}\n${execRule}`;
  return text;
}

/** Every file by its name. The same sources give the same bytes. */
export function chartFiles(): Readonly<Record<string, string>> {
  const objects = [...manifest(marks), uninstallHook(marks)];
  const files: Record<string, string> = { 'Chart.yaml': header + chart, 'values.yaml': values };
  for (const object of objects) {
    const { kind, metadata } = object;
    // Helm makes the namespace (--create-namespace), and puts definitions in first and never takes them away.
    if (kind === 'Namespace') continue;
    const name = `${kind.toLowerCase()}-${metadata.name.replace(namespaceMark, 'own')}.yaml`;
    if (kind === 'CustomResourceDefinition')
      files[`crds/${metadata.name}.yaml`] = header + stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
    else files[`templates/${name}`] = header + template(object);
  }
  return files;
}

/** Names of files that are missing, stale, or not made by this script. */
export function staleChart(files = chartFiles()): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const there = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1));
  const wrong = Object.entries(files).filter(
    ([name, text]) => !there.includes(name) || readFileSync(join(folder, name), 'utf8') !== text,
  );
  return [...wrong.map(([name]) => name), ...there.filter((name) => !(name in files))];
}

if (import.meta.filename === process.argv[1]) {
  const files = chartFiles();
  if (process.argv.includes('--check')) {
    const stale = staleChart(files);
    for (const name of stale) console.error(`deploy/helm/${name} is not what the sources say: run \`npm run chart\``);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    rmSync(folder, { recursive: true, force: true });
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  }
}
