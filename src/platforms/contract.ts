import { describe, expect, onTestFinished, test } from 'vitest';
import type { z } from 'zod';
import type { JsonObject, Target, TargetRef } from '../core/model.ts';
import type { AnyPlatform } from './platform.ts';

/** Real targets for one test of the contract. */
export interface PlatformFixture {
  /** Matches all targets of the fixture, at least two, and nothing else; as a person would write it. */
  readonly selector: JsonObject;
  /** Ends one of them for good, and resolves when it is gone. */
  end(target: TargetRef): Promise<void>;
  /** The same target as if its id had been given to another one. */
  replaced(target: Target): TargetRef;
  /** Called after the test. */
  stop(): Promise<void>;
}

/** What `testPlatform` needs to know about a platform. */
export interface PlatformSuite {
  readonly start: () => Promise<PlatformFixture>;
  /** A right selector that matches nothing. */
  readonly none: JsonObject;
  /** Wrong selectors, and what the refusal says. */
  readonly wrong: readonly { readonly selector: JsonObject; readonly says: RegExp }[];
  /** A reason why this machine cannot run the suite; every test is then skipped with it. */
  readonly unable?: string | undefined;
}

/**
 * The contract of a platform, as a suite for vitest: call it in a test file. Discovery is ordered and plain JSON, a
 * pinned target is never mistaken for its successor, and each target has the capabilities that it is said to offer.
 */
export function testPlatform(platform: AnyPlatform, suite: PlatformSuite): void {
  const begin = async () => {
    const fixture = await suite.start();
    onTestFinished(() => fixture.stop());
    const selector = platform.selector.parse(fixture.selector);
    const targets = await platform.discover(selector);
    expect(targets.length).toBeGreaterThanOrEqual(2);
    return { fixture, selector, targets, first: targets[0] as Target, second: targets[1] as Target };
  };

  describe.skipIf(suite.unable)(`platform ${platform.id}${suite.unable ? `: skipped, ${suite.unable}` : ''}`, () => {
    test('a selector that was parsed may be parsed again', async () => {
      const { fixture } = await begin();
      const once = platform.selector.parse(fixture.selector);
      expect(JSON.parse(JSON.stringify(once))).toEqual(once);
      expect(platform.selector.parse(once)).toEqual(once);
    });

    test.each(suite.wrong)('a wrong selector is refused: $selector', ({ selector, says }) => {
      const issues: readonly z.core.$ZodIssue[] = platform.selector.safeParse(selector).error?.issues ?? [];
      expect(issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n')).toMatch(says);
    });

    test('targets have unique ids, come in one order, and are plain JSON', async () => {
      const { selector, targets } = await begin();
      expect(new Set(targets.map(({ id }) => id)).size).toBe(targets.length);
      expect(targets.filter((target) => target.platform !== platform.id || target.name === '')).toEqual([]);
      expect(JSON.parse(JSON.stringify(targets))).toEqual(targets);
      const again = await platform.discover(selector);
      expect(again.map(({ id, identity }) => ({ id, identity }))).toEqual(
        targets.map(({ id, identity }) => ({ id, identity })),
      );
    });

    test('nothing matches: an empty list, not an error', async () => {
      expect(await platform.discover(platform.selector.parse(suite.none))).toEqual([]);
    });

    test('an aborted discovery rejects with the reason', async () => {
      const { selector } = await begin();
      const reason = new Error('enough');
      await expect(platform.discover(selector, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    test('what a target offers is what it has', async () => {
      const { targets } = await begin();
      for (const target of targets) {
        const offered = platform.offers(target);
        expect(offered.filter((capability) => !platform.capabilities.includes(capability))).toEqual([]);
        const { agent, ...here } = await platform.attach(target);
        expect([...Object.keys(here), ...(agent?.offers ?? [])].sort()).toEqual([...offered].sort());
      }
    });

    test('a target that may be hit is not spared, nor one that is gone', async () => {
      const { fixture, first } = await begin();
      expect(first.protected).toBeUndefined();
      expect(await platform.spare(JSON.parse(JSON.stringify(first)) as TargetRef)).toBeNull();
      expect(await platform.spare(fixture.replaced(first))).toBeNull();
      await fixture.end(first);
      expect(await platform.spare(first)).toBeNull();
    });

    test('a pinned target is the same until it ends', async () => {
      const { fixture, selector, first, second } = await begin();
      const pinned = JSON.parse(JSON.stringify(first)) as TargetRef;
      expect(await platform.check(pinned)).toBe('same');
      await fixture.end(pinned);
      expect(await platform.check(pinned)).toBe('gone');
      expect(await platform.check(second)).toBe('same');
      expect((await platform.discover(selector)).map(({ id }) => id)).not.toContain(first.id);
      // Recovering needs what outlives the target, so handles may be had; using one that needs it says so.
      const { signal } = await platform.attach(pinned);
      if (!signal) return;
      expect(await signal.state()).toBe('gone');
      await expect(signal.send('SIGTERM')).rejects.toMatchObject({ code: 'target-gone' });
    });

    test('a successor with the same id is another target', async () => {
      const { fixture, first } = await begin();
      const before = fixture.replaced(first);
      expect(await platform.check(before)).toBe('gone');
      const { signal } = await platform.attach(before);
      if (signal) await expect(signal.send('SIGKILL')).rejects.toMatchObject({ code: 'target-gone' });
      expect(await platform.check(first)).toBe('same');
    });
  });
}
