import { expect, test } from 'vitest';
import { type Registries, readDocuments, registries } from '../../spec/index.ts';
import { chaosMeshDoor } from './door.ts';

const here: Registries = { ...registries, doors: [chaosMeshDoor] };
const document = (kind: string, spec: string, annotations = '{}') =>
  `apiVersion: chaos-mesh.org/v1alpha1\nkind: ${kind}\nmetadata: { name: it, annotations: ${annotations} }\nspec: ${spec}\n`;
const pods = 'mode: all, selector: { namespaces: [shop] }';

test('a problem stands at its line and column, and has a code of its own when it is not a mistake', async () => {
  const text = `${document('PodChaos', `{ action: pod-kill, ${pods}, duration: 5 }`)}---\n${document('TimeChaos', `{ ${pods}, timeOffset: -1h }`)}`;
  const { documents, problems } = await readDocuments(text, 'both.yaml', here);
  expect(documents).toEqual([]);
  expect(problems).toEqual([
    {
      file: 'both.yaml',
      line: 4,
      column: 82,
      path: 'spec.duration',
      message: 'must be a duration such as 30s, 1h30m, not 5',
    },
    {
      ...{ file: 'both.yaml', line: 7, column: 7, path: 'kind', code: 'not-available' },
      message: 'TimeChaos is known, and not yet available in this version: nothing was done',
    },
  ]);
});

test('a document becomes an experiment, and says what was read in another way', async () => {
  const text = document('PodChaos', `{ action: container-kill, containerName: app, ${pods} }`);
  const { documents, problems } = await readDocuments(text, 'a.yaml', here);
  expect(problems).toEqual([]);
  expect(documents).toMatchObject([
    {
      kind: 'Experiment',
      experiment: { metadata: { name: 'it' }, spec: { method: [{ fault: 'container-kill' }] } },
      source: { kind: 'PodChaos', notes: [{ line: 4, path: 'spec.containerName' }] },
    },
  ]);
});

test('with a scheduler it becomes a schedule', async () => {
  const text = document('PodChaos', `{ action: pod-kill, ${pods}, scheduler: { cron: '@every 1m' } }`);
  const { documents } = await readDocuments(text, 'a.yaml', here);
  expect(documents).toMatchObject([{ kind: 'Schedule', schedule: { spec: { schedule: { cron: '@every 1m' } } } }]);
});

test.each([
  ['lasts without end', document('PodChaos', `{ action: pod-failure, ${pods} }`), /add spec\.duration/],
  [
    'is paused',
    document('PodChaos', `{ action: pod-kill, ${pods} }`, '{ experiment.chaos-mesh.org/pause: "true" }'),
    /pauses it/,
  ],
  [
    'is a workflow',
    document('Workflow', '{ entry: a, templates: [{ name: a, templateType: Suspend, deadline: 1s }] }'),
    /operator/,
  ],
  [
    'needs pods drawn for both ends',
    document(
      'NetworkChaos',
      `{ action: loss, loss: { loss: '5' }, duration: 1s, ${pods}, target: { mode: one, selector: {} } }`,
    ),
    /which only the operator can do/,
  ],
])('what %s is sound, and cannot be run from here', async (_, text, why) => {
  const { documents, problems } = await readDocuments(text, 'a.yaml', here);
  expect(problems).toEqual([]);
  expect(documents).toMatchObject([{ kind: 'Foreign', why: expect.stringMatching(why) }]);
});
