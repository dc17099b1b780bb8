import { bearerOf, sameSecret } from '../../core/secret.ts';
import { browsersOut, type Refusal } from '../../proxy/server.ts';
import { browserRefusal, type HeaderReader } from '../../server/index.ts';

/**
 * Who may drive the proxy: who shows the token, where there is one; and never a web page, by whatever name it got here.
 * A single-label host name, e.g. `toxiproxy` in a network of containers, cannot be a page's.
 */
export function proxyGuard(given: {
  readonly token: string | undefined;
  readonly names: readonly string[];
  readonly local: boolean;
}): (header: HeaderReader) => Refusal | null {
  return (header) => {
    const shown = bearerOf(header('authorization'));
    const known = given.token !== undefined && shown !== undefined && sameSecret(shown, given.token);
    const browser = known ? null : browsersOut(header);
    if (browser) return browser;
    const label = /^([a-z0-9_-]+)(?::\d+)?$/i.exec(header('host') ?? '')?.[1];
    const names = given.local || label === undefined ? given.names : [...given.names, label];
    const refused = browserRefusal(header, names);
    if (refused) return refused;
    if (given.token === undefined || known) return null;
    return { status: 401, message: shown === undefined ? 'a token is needed' : 'the token is wrong' };
  };
}
