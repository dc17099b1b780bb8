/** One stage of a Dockerfile, with all that it is built upon. */
export interface Recipe {
  /** What is done, in order. Paths of `copy` are below the build context, and absolute in the image. */
  readonly steps: readonly Step[];
  readonly args: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

/** A script for /bin/sh, or files to copy; a `to` that ends with `/` is a folder. */
export type Step = { readonly run: string } | { readonly copy: readonly string[]; readonly to: string };

/** Read the stage `target`, as far as deploy/Dockerfile uses the language; throws for what it does not know. */
export function readDockerfile(text: string, target: string): Recipe {
  const stages = new Map<string, Recipe>();
  let name = '';
  let inherited: Recipe['cmd'];
  for (const line of text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')) {
    const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [parent = '', , as = ''] = rest.split(/\s+/);
      name = as;
      inherited = stages.get(parent)?.cmd;
      stages.set(name, stages.get(parent) ?? { steps: [], args: {}, env: {}, labels: {} });
    } else if (word === 'ENTRYPOINT') {
      // An entry point ends what the parent runs by default.
      const { cmd, ...stage } = stages.get(name) as Recipe;
      stages.set(name, { ...stage, ...(cmd && cmd !== inherited ? { cmd } : {}), entrypoint: JSON.parse(rest) });
    } else if (name === '' ? line !== '' && word !== 'ARG' : line !== '') {
      stages.set(name, add(stages.get(name) as Recipe, word, rest, line));
    }
  }
  const stage = stages.get(target);
  if (!stage) throw new Error(`no stage ${target} in the Dockerfile; there are ${[...stages.keys()].join(', ')}`);
  return stage;
}

function add(stage: Recipe, word: string, rest: string, line: string): Recipe {
  switch (word) {
    case 'RUN':
      return { ...stage, steps: [...stage.steps, { run: rest }] };
    case 'COPY': {
      const paths = rest.split(/\s+/);
      return { ...stage, steps: [...stage.steps, { copy: paths.slice(0, -1), to: paths.at(-1) ?? '' }] };
    }
    case 'ARG':
      return { ...stage, args: { ...stage.args, ...pairs(rest) } };
    case 'ENV':
      return { ...stage, env: { ...stage.env, ...pairs(rest) } };
    case 'LABEL':
      return { ...stage, labels: { ...stage.labels, ...pairs(rest) } };
    case 'CMD':
      return { ...stage, cmd: JSON.parse(rest) };
    // Kubernetes has probes instead.
    case 'HEALTHCHECK':
      return stage;
    default:
      throw new Error(`the lab does not know this line of the Dockerfile: ${line}`);
  }
}

const pairs = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...text.matchAll(/([\w./-]+)=(?:"([^"]*)"|(\S*))/g)].map((match) => [match[1], match[2] ?? match[3]]),
  );
