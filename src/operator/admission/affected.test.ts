import { expect, test } from 'vitest';
import { documentsOf } from '../chaos-mesh.ts';
import type { Resource } from '../resource.ts';
import { affectedBy } from './affected.ts';

const meta = { name: 'x', namespace: 'own' } as Resource['metadata'];
const web = (namespaces?: readonly string[]) => ({
  mode: 'all',
  selector: { ...(namespaces ? { namespaces } : {}), labelSelectors: { app: 'web' } },
});
const pod = (namespaces?: readonly string[]) => ({ action: 'pod-kill', ...web(namespaces) });

test.each<[string, string, object, readonly string[]]>([
  ['its own namespace, where none is named', 'PodChaos', pod(), ['podchaos own']],
  ['those that are named', 'PodChaos', pod(['a', 'b']), ['podchaos own', 'podchaos a', 'podchaos b']],
  [
    'pods by name count alone',
    'PodChaos',
    { ...pod(), selector: { pods: { c: ['p'] } } },
    ['podchaos own', 'podchaos c'],
  ],
  [
    'both ends',
    'NetworkChaos',
    { action: 'partition', ...web(['a']), direction: 'both', target: web(['b']) },
    ['networkchaos own', 'networkchaos a', 'networkchaos b'],
  ],
  [
    'what a Schedule makes',
    'Schedule',
    { schedule: '@every 1h', type: 'PodChaos', podChaos: pod(['a']) },
    ['schedules own', 'podchaos own', 'podchaos a'],
  ],
  [
    'an old one is a Schedule of its kind',
    'PodChaos',
    { ...pod(['a']), scheduler: { cron: '@every 1h' } },
    ['schedules own', 'podchaos own', 'podchaos a'],
  ],
  [
    'what a Workflow makes, its tasks too',
    'Workflow',
    {
      entry: 'e',
      templates: [
        { name: 'e', templateType: 'Serial', children: ['k', 't'] },
        { name: 'k', templateType: 'PodChaos', deadline: '5s', podChaos: pod(['a']) },
        { name: 't', templateType: 'Task', task: { container: { name: 'm', image: 'i' } } },
      ],
    },
    ['workflows own', 'podchaos own', 'podchaos a', 'pods own'],
  ],
])('%s', (_, kind, spec, expected) => {
  const read = documentsOf({
    apiVersion: 'chaos-mesh.org/v1alpha1',
    kind,
    metadata: meta,
    spec: spec as Record<string, unknown>,
  });
  if ('problems' in read) throw new Error(read.problems.join('\n'));
  const found = affectedBy(read.documents).map((each) => `${each.kind.plural} ${each.namespace}`);
  expect([...found].sort()).toEqual([...expected].sort());
});
