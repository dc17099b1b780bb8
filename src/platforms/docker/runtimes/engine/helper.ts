import { randomBytes } from 'node:crypto';
import { ZashikiError } from '../../../../core/errors.ts';
import { isAlive, ownLife } from '../../../host/life.ts';
import type { Helper, Helpers } from '../../runtime.ts';
import type { Client } from './client.ts';
import { isMissing, refused } from './errors.ts';
import { execIn } from './exec.ts';
import { networkSharers } from './network.ts';
import { ensureImage } from './pull.ts';
import { summaryOf } from './read.ts';

/** A helper ends by itself after this, and the engine removes it, whatever became of us. */
const lifetimeSeconds = 60;
const label = 'zashiki.dev/helper';
/** The process that made it, where it can be looked at. */
const makerLabel = 'zashiki.dev/helper-maker';

/** Containers of ours in the network namespace of another. `now`: milliseconds since 1970. */
export function helpersOf(client: Client, now: () => number = Date.now): Helpers {
  return {
    prepare: (image) => ensureImage(client, image),
    sharers: async (ids) =>
      (await networkSharers(client, ids)).map((listed) => {
        const { id, name, labels } = summaryOf(listed);
        return { id, name, labels, helper: labels[label] !== undefined };
      }),
    async start(of, image, { apart = false } = {}) {
      await sweep(client, now());
      const body = {
        Image: image,
        Entrypoint: ['sleep'],
        Cmd: [String(lifetimeSeconds)],
        StopSignal: 'SIGKILL',
        User: '0',
        Labels: { [label]: of, [makerLabel]: ownLife(), 'zashiki.dev/skip': 'true', 'com.gaiaadm.pumba.skip': 'true' },
        HostConfig: {
          NetworkMode: apart ? 'none' : `container:${of}`,
          CapAdd: ['NET_ADMIN', 'NET_RAW'],
          AutoRemove: true,
        },
      };
      const query = { name: `zashiki-helper-${randomBytes(6).toString('hex')}` };
      let id: string | undefined;
      try {
        id = (await client.call<{ Id: string }>('POST', '/containers/create', { query, body })).Id;
        await client.call('POST', `/containers/${id}/start`);
      } catch (error) {
        if (id !== undefined) await removeHelper(client, id);
        throw startFailure(error, of, image, id);
      }
      return helper(client, id);
    },
  };
}

function helper(client: Client, id: string): Helper {
  return {
    run: (argv, options) => execIn(client, id, argv, { user: '0', ...options }),
    remove: () => removeHelper(client, id),
  };
}

async function removeHelper(client: Client, id: string): Promise<void> {
  try {
    await client.call('DELETE', `/containers/${id}`, { query: { force: true, v: true } });
  } catch (error) {
    // Being removed by the engine already.
    if (!isMissing(error) && (error as { status?: number }).status !== 409) throw error;
  }
}

/**
 * One that was made and never started does not end, and so does not remove itself; one whose maker was killed may still
 * be doing what it was told. Those of a maker that lives are its own; where that cannot be seen, age tells.
 */
async function sweep(client: Client, now: number): Promise<void> {
  const found = await client.call<ListedHelper[]>('GET', '/containers/json', {
    query: { all: true, filters: JSON.stringify({ label: [label] }) },
  });
  const old = now / 1000 - lifetimeSeconds;
  for (const { Id, Created, State, Labels } of found) {
    const lives = isAlive(Labels?.[makerLabel]);
    const left = lives === undefined ? State === 'created' && Created < old : !lives;
    if (left) await removeHelper(client, Id);
  }
}

interface ListedHelper {
  readonly Id: string;
  readonly Created: number;
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

function startFailure(error: unknown, of: string, image: string, made: string | undefined): unknown {
  const said = error instanceof Error ? error.message : '';
  if (made !== undefined && isMissing(error) && said.includes(made.slice(0, 12))) {
    return new ZashikiError('inject-failed', 'somebody removed the helper container before it was started');
  }
  if (isMissing(error) && /image/i.test(said)) {
    return new ZashikiError(
      'not-supported',
      `the helper image ${image} is not there any more, and nothing is pulled now`,
      {
        hint: `give it back to the engine (docker pull ${image}) and run \`zashiki recover\``,
      },
    );
  }
  // The engine says 409 or 500 for a namespace whose container has ended.
  if (/cannot join network|non running|not running|No such container/i.test(said)) {
    return new ZashikiError(
      'target-gone',
      `the container ${of.slice(0, 12)} has ended, and its network namespace with it`,
    );
  }
  return refused(error, of, 'start a helper beside');
}
