import { z } from 'zod';
import { parseDuration } from '../../core/duration.ts';
import { patternProblem } from '../../core/pattern.ts';
import { endpointProblem } from './endpoint.ts';

type OneOrMore<T> = T | readonly T[];

/** How an engine is reached, with keys of its own. */
export interface EngineAddress {
  readonly url: string;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly verify?: boolean | undefined;
  readonly namespace?: string | undefined;
}

/** Which containers of an engine. All given keys must match; a list means any of its entries. */
export interface DockerSelector {
  readonly name?: OneOrMore<string> | undefined;
  /** Digits alone may be written as a number. */
  readonly id?: OneOrMore<string | number> | undefined;
  readonly nameOrId?: OneOrMore<string> | undefined;
  readonly image?: OneOrMore<string> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly compose?: { readonly project?: string | undefined; readonly service?: string | undefined } | undefined;
  readonly health?: 'healthy' | 'unhealthy' | 'starting' | 'none' | undefined;
  readonly state?: 'running' | 'all' | 'stopped' | 'paused' | 'exited' | 'created' | 'restarting' | 'dead' | undefined;
  /** Kept as written, e.g. `5m`, so that what is parsed may be parsed again. */
  readonly minAge?: string | undefined;
  readonly maxAge?: string | undefined;
  readonly network?: OneOrMore<string> | undefined;
  readonly engine?: string | EngineAddress | undefined;
  readonly runtime?: 'docker' | 'podman' | 'containerd' | undefined;
  readonly helperImage?: string | undefined;
}

const oneOrMore = <T extends z.ZodType>(item: T, what: string) =>
  z.union([item, z.array(item).min(1, `the list is empty: write ${what}`)], {
    error: `write ${what}, or a list of them`,
  });

const Text = z.string().min(1, 'must not be empty');
const Pattern = Text.superRefine((source, context) => {
  const problem = patternProblem(source);
  if (problem) context.addIssue({ code: 'custom', message: problem });
});
const Id = z
  .string()
  .regex(/^[0-9a-f]{2,64}$/, 'an id is 2 to 64 digits of 0-9 and a-f: the whole one, or its beginning');
const Age = z.string().superRefine((text, context) => {
  if (parseDuration(text.trim()) !== undefined) return;
  context.addIssue({ code: 'custom', message: 'not a duration: write a number with a unit, like 250ms, 2s or 1h30m' });
});
const Address = Text.superRefine((text, context) => {
  const problem = text.includes('://') ? endpointProblem(text) : undefined;
  if (problem) context.addIssue({ code: 'custom', message: problem });
});
const Path = z.string().regex(/^\//, 'write the whole path, from the root');

// Written without quotes, an id of digits alone is a number.
const AnyId = z.union([Id, z.int().min(10, 'an id is 2 to 64 digits of 0-9 and a-f')], {
  error: 'write a container id: digits of 0-9 and a-f',
});

/** Keys that say where and how to look, not for what. */
const notFilters: readonly string[] = ['engine', 'runtime', 'helperImage'];

/**
 * The `target: { docker: … }` part of a document. Text values are exact, or `re2:` and RE2 syntax, found anywhere
 * unless anchored. Output is the same JSON as the input.
 */
export const DockerSelector = z
  .strictObject({
    name: oneOrMore(Pattern, 'a container name')
      .optional()
      .describe('Container name, with or without the leading slash.'),
    id: oneOrMore(AnyId, 'a container id')
      .optional()
      .describe('Container id: the whole one, or a beginning that only one has.'),
    nameOrId: oneOrMore(Text, 'a container name or id')
      .optional()
      .describe(
        'Exact names and ids together, as command lines have them; a beginning of an id has at least 12 digits, and a slash in front makes it a name.',
      ),
    image: oneOrMore(Pattern, 'an image')
      .optional()
      .describe('Image as it was named when the container was made; without a tag, `latest` is meant.'),
    labels: z
      .record(Text, Pattern.or(z.literal('')), { error: 'write names and values, like { app: shop }' })
      .optional()
      .describe('Labels; all must match. An empty value: the label is there, whatever it says.'),
    compose: z
      .strictObject({
        project: Pattern.optional().describe('Project name.'),
        service: Pattern.optional().describe('Service name.'),
      })
      .optional()
      .describe('Containers that Docker Compose made.'),
    health: z
      .enum(['healthy', 'unhealthy', 'starting', 'none'])
      .optional()
      .describe('What its health check says; `none`: it has no health check.'),
    state: z
      .enum(['running', 'all', 'stopped', 'paused', 'exited', 'created', 'restarting', 'dead'])
      .optional()
      .describe(
        'What it is doing. Default running, as `docker ps` has it (paused ones too); stopped: it has ended, or was never started; all: whatever it does.',
      ),
    minAge: Age.optional().describe('It was started at least this long ago, e.g. 5m.'),
    maxAge: Age.optional().describe('It was started at most this long ago, e.g. 1h.'),
    network: oneOrMore(Pattern, 'a network').optional().describe('Name of a network that it is connected to.'),
    engine: z
      .union(
        [
          Address,
          z.strictObject({
            url: Address.describe('Address of the engine.'),
            ca: Path.optional().describe('File with the certificate that the engine is checked against.'),
            cert: Path.optional().describe('File with our certificate.'),
            key: Path.optional().describe('File with the key of our certificate.'),
            verify: z.boolean().optional().describe('false: do not check who the engine is. Default true.'),
            namespace: Text.optional().describe('Namespace, for runtimes that have them (containerd).'),
          }),
        ],
        { error: 'write an address like unix:///var/run/docker.sock, the name of a context, or a map with `url`' },
      )
      .optional()
      .describe(
        'Where the engine is: unix://, tcp://, ssh://, or the name of a context. Default: as the docker command finds it.',
      ),
    runtime: z.enum(['docker', 'podman', 'containerd']).optional().describe('Which kind of engine. Default docker.'),
    helperImage: Text.optional().describe(
      'Image with network tools, for engines on another machine. Default ghcr.io/alexei-led/pumba-alpine-nettools:latest.',
    ),
  })
  .superRefine((given, context) => {
    const keys = Object.entries(given).filter(([key, value]) => value !== undefined && !notFilters.includes(key));
    // A misspelled key is an issue already; it is dropped here, so nothing may be left.
    if (keys.length === 0 && context.issues.length === 0) {
      const message =
        'says nothing, so it would match every container: write for example `name: web`, `name: "re2:^web-"` or `labels: { app: shop }`; `state: running` is all that run';
      context.addIssue({ code: 'custom', message });
    }
    if (given.compose && Object.keys(given.compose).length === 0 && context.issues.length === 0) {
      context.addIssue({ code: 'custom', path: ['compose'], message: 'write `project`, `service`, or both' });
    }
    const [least, most] = [parseDuration(given.minAge ?? '0s'), parseDuration(given.maxAge ?? '0s')];
    if (given.minAge && given.maxAge && (least ?? 0) > (most ?? 0)) {
      const message = `minAge ${given.minAge} is more than maxAge ${given.maxAge}: nothing can match`;
      context.addIssue({ code: 'custom', path: ['minAge'], message });
    }
  })
  .meta({ title: 'docker selector', description: 'Which containers of an engine; all given keys must match.' });
