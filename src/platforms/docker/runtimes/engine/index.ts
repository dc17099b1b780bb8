import { setTimeout as sleep } from 'node:timers/promises';
import { ZashikiError } from '../../../../core/errors.ts';
import type { Details, Endpoint, Runtime } from '../../runtime.ts';
import { blueprintOf, recreateFrom } from './blueprint.ts';
import { type CallOptions, openClient, Refusal } from './client.ts';
import { goneContainer, isMissing, refused } from './errors.ts';
import { execIn } from './exec.ts';
import { helpersOf } from './helper.ts';
import { networkPlace } from './network.ts';
import { detailsOf, filtersOf, summaryOf } from './read.ts';
import type { InspectedContainer, ListedContainer } from './types.ts';

/** How long an act of the engine may take to show: a process in a stuck disk does not even hear SIGKILL. */
const patience = 10_000;
/** Pumba's own label: the signal that a stop of this container begins with. */
const stopLabel = 'com.gaiaadm.pumba.stop-signal';

/** An engine with Docker's API: Docker itself, or Podman's service. */
export async function openEngine(endpoint: Endpoint): Promise<Runtime> {
  const client = await openClient(endpoint);
  const of = (id: string) => `/containers/${encodeURIComponent(id)}`;

  const inspect = async (id: string, signal?: AbortSignal): Promise<InspectedContainer | undefined> => {
    try {
      return await client.call<InspectedContainer>('GET', `${of(id)}/json`, { signal });
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const details = async (id: string, signal?: AbortSignal) => {
    const seen = await inspect(id, signal);
    return seen && detailsOf(seen, await networkPlace(seen, (next) => inspect(next, signal)));
  };
  const must = async (id: string): Promise<InspectedContainer> => {
    const seen = await inspect(id);
    if (!seen) throw goneContainer(id);
    return seen;
  };

  /** Ask for something; a refusal is none when what was asked for is so already. */
  const ask = async (
    id: string,
    what: string,
    path: string,
    isSo: (now: Details) => boolean,
    options: CallOptions = {},
  ) => {
    try {
      await client.call('POST', `${of(id)}/${path}`, options);
    } catch (error) {
      if (!(error instanceof Refusal) || isMissing(error)) throw refused(error, id, what);
      const now = await details(id);
      if (!now) throw goneContainer(id);
      if (!isSo(now)) throw refused(error, id, what);
    }
  };
  const isUp = ({ state }: Details) => state.status === 'running' || state.status === 'paused';
  const isDown = (now: Details) => !isUp(now);

  const kill = (id: string, signal: string) =>
    ask(id, `send ${signal} to`, 'kill', (now) => now.state.status !== 'restarting' && isDown(now), {
      query: { signal },
    });

  /** Wait until the life that began at `startedAt` has ended; false after `ms`. */
  const ends = async (id: string, startedAt: string, ms: number): Promise<boolean> => {
    for (const until = performance.now() + ms; ; ) {
      const now = await details(id);
      if (!now || isDown(now) || now.state.startedAt !== startedAt) return true;
      const left = until - performance.now();
      if (left <= 0) return false;
      await sleep(Math.min(50, left));
    }
  };

  return {
    endpoint,
    async list(query, signal) {
      const listed = await client.call<ListedContainer[]>('GET', '/containers/json', {
        query: { all: query.all, filters: JSON.stringify(filtersOf(query)) },
        signal,
      });
      return listed.map(summaryOf);
    },
    inspect: details,
    kill,
    async stop(id, { signal: given, grace }) {
      const { State, Config } = await must(id);
      if (!State.Running) return;
      const signal = given ?? Config.Labels?.[stopLabel];
      // The API knows whole seconds, and (before 1.42) no signal.
      if (signal === undefined && grace % 1000 === 0) {
        return ask(id, 'stop', 'stop', isDown, { query: { t: grace / 1000 } });
      }
      await kill(id, signal ?? (Config.StopSignal || 'SIGTERM'));
      // A frozen process hears the signal when it goes on.
      if (State.Paused) await ask(id, 'unpause', 'unpause', (now) => now.state.status !== 'paused');
      if (await ends(id, State.StartedAt, grace)) return;
      await kill(id, 'SIGKILL');
      if (await ends(id, State.StartedAt, patience)) return;
      throw new ZashikiError('inject-failed', `the container ${id.slice(0, 12)} outlives SIGKILL`);
    },
    start: (id) => ask(id, 'start', 'start', isUp),
    restart: (id, grace) => ask(id, 'restart', 'restart', () => false, { query: { t: Math.ceil(grace / 1000) } }),
    pause: (id) => ask(id, 'pause', 'pause', ({ state }) => state.status === 'paused'),
    unpause: (id) => ask(id, 'unpause', 'unpause', ({ state }) => state.status !== 'paused'),
    async remove(id, { force, volumes, links }) {
      const seen = await inspect(id);
      if (!seen) return;
      if (links) for (const link of seen.HostConfig.Links ?? []) await removeLink(link);
      try {
        await client.call('DELETE', of(id), { query: { force, v: volumes } });
      } catch (error) {
        // 409: the engine is removing it already, or it runs and `force` was not given.
        const isRemoving =
          error instanceof Refusal && error.status === 409 && /already in progress/.test(error.message);
        if (!isRemoving && !isMissing(error)) throw refused(error, id, 'remove');
      }
      for (const until = performance.now() + patience; await inspect(id); await sleep(50)) {
        if (performance.now() > until) throw new ZashikiError('inject-failed', `${id.slice(0, 12)} is not removed`);
      }
    },
    blueprint: async (id) => blueprintOf(await must(id)),
    recreate: (blueprint) => recreateFrom(client, blueprint),
    exec: (id, argv, options) => execIn(client, id, argv, options),
    async processState(id) {
      try {
        const query = { ps_args: '-o pid,stat' };
        const { Processes } = await client.call<{ Processes: string[][] }>('GET', `${of(id)}/top`, { query });
        const pid = String((await must(id)).State.Pid);
        return Processes.find((row) => row[0] === pid)?.[1];
      } catch (error) {
        // Needs a `ps` on the engine's machine; a paused container is refused.
        if (error instanceof Refusal) return undefined;
        throw error;
      }
    },
    helpers: helpersOf(client),
  };

  /** `/db:/web/store` is a link of the container web: the name `/web/store` is removed, not the container db. */
  async function removeLink(link: string): Promise<void> {
    const alias = link.slice(link.indexOf(':') + 1).replace(/^\//, '');
    try {
      await client.call('DELETE', of(alias), { query: { link: true } });
    } catch (error) {
      if (!isMissing(error)) throw refused(error, alias, 'remove the link');
    }
  }
}
