import { z } from 'zod';
import { defineFault } from './fault.ts';
import { passThrough } from './parts/through.ts';

/** Our own server enables the proxy again this long after it should have been recovered. */
const margin = 5000;

/** Disables a proxy: connections through it are closed and new ones are refused. */
export default defineFault({
  id: 'proxy-down',
  summary: 'Disable a proxy: connections are closed, new ones refused.',
  needs: ['toxics'],
  params: z.strictObject({}),
  reversible: true,
  undoneBy: 'enabling the proxy',
  async plan(on) {
    return { wasEnabled: await on.toxics.enabled() };
  },
  async inject(on, _params, { wasEnabled }, { ttl }) {
    // One that somebody else has disabled stays as it is, without an end.
    if (wasEnabled) await on.toxics.setEnabled(false, ttl === null ? null : ttl + margin);
  },
  async observe(on, _params, _undo, { signal }) {
    if (await on.toxics.enabled()) return { yes: false, detail: 'the proxy is still enabled' };
    const seen = await passThrough(await on.toxics.address(), { patience: 2000, signal });
    if (!seen) return { yes: true, detail: 'disabled (read back, not measured)' };
    return seen.connected
      ? { yes: false, detail: 'disabled, but somebody still answers at its address' }
      : { yes: true, detail: 'connections are refused' };
  },
  async recover(on, { wasEnabled }) {
    if (wasEnabled) await on.toxics.setEnabled(true, null);
  },
  async verify(on, { wasEnabled }) {
    const enabled = await on.toxics.enabled();
    const detail = enabled ? 'the proxy is enabled' : 'the proxy is disabled';
    return { yes: enabled || !wasEnabled, detail };
  },
});
