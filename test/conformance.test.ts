import { expect, test } from 'vitest';
import { conformance, forms, outcomeOf } from '../scripts/docs/conformance.ts';

/** What docs/reference/chaos-mesh.md says in its table is computed; here, what must not change by accident. */
const rows = await conformance();
const of = (kind: string) => rows.filter((row) => row.kind === kind);

test('CM-01 every kind of the seed, each action in each form', () => {
  expect(Object.keys(forms)).toHaveLength(5);
  expect([...new Set(rows.map(({ kind }) => kind))]).toEqual(
    expect.arrayContaining(['PodChaos', 'NetworkChaos', 'StressChaos', 'IOChaos', 'TimeChaos', 'KernelChaos']),
  );
  expect(rows.every(({ outcomes }) => outcomes.length === 5)).toBe(true);
  expect(of('PodChaos').map(({ action }) => action)).toEqual(['pod-kill', 'pod-failure', 'container-kill']);
  expect(of('NetworkChaos')).toHaveLength(7);
});

test.each(['PodChaos', 'NetworkChaos', 'StressChaos'])('CM-01 every action of %s works in every form', (kind) => {
  for (const { outcomes } of of(kind)) expect(outcomes.filter(({ is }) => is !== 'works')).toEqual([]);
});

test.each(['IOChaos', 'TimeChaos', 'DNSChaos', 'HTTPChaos'])(
  'CM-21, CM-28 every action of %s is known, and not yet there',
  (kind) => {
    const outcomes = of(kind).flatMap((row) => row.outcomes);
    expect(outcomes.map(({ is }) => is)).toEqual(outcomes.map(() => 'not yet'));
    for (const outcome of outcomes)
      expect(outcome).toHaveProperty('message', expect.stringContaining('nothing was done'));
  },
);

test.each(['KernelChaos', 'JVMChaos', 'BlockChaos', 'PhysicalMachineChaos', 'AWSChaos', 'GCPChaos', 'AzureChaos'])(
  'CM-28 every action of %s is refused in every form, with a reason',
  (kind) => {
    const outcomes = of(kind).flatMap((row) => row.outcomes);
    expect(outcomes.length).toBeGreaterThanOrEqual(5);
    for (const outcome of outcomes) {
      expect(outcome).toEqual({ is: 'refused', message: expect.stringContaining(`${kind} is not supported`) });
    }
  },
);

test('the table can say no: a document that is wrong is refused', async () => {
  const head = { apiVersion: 'chaos-mesh.org/v1alpha1', kind: 'PodChaos', metadata: { name: 'it', namespace: 'shop' } };
  const spec = { action: 'container-kill', mode: 'all', selector: {} };
  expect(await outcomeOf({ ...head, spec })).toMatchObject({
    is: 'refused',
    message: expect.stringContaining('spec.containerNames'),
  });
});
