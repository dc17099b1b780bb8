import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chartFiles, staleChart } from '../scripts/gen-chart.ts';
import { type InstallOptions, type KubernetesObject, manifest, usualInstall } from '../src/operator/install/index.ts';
import { helm } from './fixtures/helm.ts';

test('the chart on disk is what the sources say', () => {
  expect(staleChart()).toEqual([]);
  expect(Object.keys(chartFiles()).filter((name) => name.startsWith('crds/'))).toHaveLength(13);
});

const key = ({ kind, metadata }: KubernetesObject) => `${kind} ${metadata.name}`;
const sorted = (objects: readonly KubernetesObject[]) => [...objects].sort((a, b) => (key(a) < key(b) ? -1 : 1));

test.for<readonly [string, Partial<InstallOptions>, readonly string[]]>([
  ['as it is', {}, []],
  [
    'with everything said',
    {
      namespace: 'chaos',
      image: 'registry:5000/z@sha256:0',
      replicas: 3,
      optIn: true,
      blastRadius: '7',
      pauseImage: 'p:1',
      allowExec: true,
    },
    [
      '--namespace=chaos',
      '--set=image=registry:5000/z@sha256:0,replicas=3,optIn=true,blastRadius=7,pauseImage=p:1,allowExec=true',
    ],
  ],
])('helm makes of it what zashiki install makes: %s', ([, given, flags], context) => {
  if (helm === undefined) return context.skip('needs helm: see test/fixtures/helm.ts');
  const argv = [
    'template',
    'zashiki',
    'deploy/helm',
    '--include-crds',
    '--kube-version=1.34.0',
    ...(given.namespace ? [] : ['--namespace=zashiki']),
    ...flags,
  ];
  const { stdout, stderr, status } = spawnSync(helm, argv, { encoding: 'utf8', maxBuffer: 1e8 });
  expect(status, stderr).toBe(0);
  const made = parseAllDocuments(stdout)
    .map((document) => document.toJSON() as KubernetesObject | null)
    .filter((object) => object !== null);
  const options: InstallOptions = { ...usualInstall, image: imageOf(), ...given };
  // Helm makes the namespace by itself.
  const wanted = manifest(options).filter(({ kind }) => kind !== 'Namespace');
  expect(sorted(made)).toEqual(sorted(JSON.parse(JSON.stringify(wanted))));
});

function imageOf(): string {
  return /^image: (.*)$/m.exec(chartFiles()['values.yaml'] ?? '')?.[1] ?? '';
}
