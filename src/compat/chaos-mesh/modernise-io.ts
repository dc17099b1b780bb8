import type { Path } from '../../spec/problem.ts';
import { oldIoActions, oldIoMethods } from './kinds/io-chaos.ts';
import { isGiven, listOf, type Raw } from './say.ts';

/** An IOChaos of v0.8 in the form of v2: one for each of its actions. */
export function modernIo(
  given: Raw,
  note: (path: Path, message: string) => void,
): readonly { readonly suffix: string; readonly spec: Raw }[] {
  const { layer, configName, addr, percent, errno, action, delay, ...rest } = given;
  for (const [key, value] of Object.entries({ layer, configName, addr })) {
    if (value !== undefined) note(['spec', key], 'left out: there is no sidecar any more');
  }
  const number = (key: string, value: unknown) => {
    if (typeof value !== 'string') return value;
    note(['spec', key], value === '' ? 'left out' : `read as the number ${Number(value)}`);
    return value === '' ? undefined : Number(value);
  };
  const share = number('percent', percent);
  const error = number('errno', errno);
  const methods = listOf(rest.methods).map((method) => oldIoMethods[String(method)] ?? method);
  const renamed = listOf(rest.methods).filter((method) => String(method) in oldIoMethods);
  if (renamed.length > 0)
    note(
      ['spec', 'methods'],
      `${renamed.join(', ')} read as ${[...new Set(renamed.map((name) => oldIoMethods[String(name)]))].join(', ')}`,
    );

  const old = typeof action === 'string' && Object.hasOwn(oldIoActions, action);
  const actions: readonly unknown[] = old ? oldIoActions[action as keyof typeof oldIoActions] : [action];
  if (old) note(['spec', 'action'], `${action} is read as ${actions.join(' and ')}`);
  if (old && isGiven(rest.path))
    note(['spec', 'path'], 'v0.8 took a regular expression, v2 takes a glob: look whether it still says the same');
  return actions.map((each) => ({
    suffix: actions.length > 1 ? String(each) : '',
    spec: {
      ...rest,
      ...(rest.methods === undefined ? {} : { methods: [...new Set(methods)] }),
      action: each,
      ...(share === undefined ? {} : { percent: share }),
      ...(each !== 'fault' && delay !== undefined ? { delay } : {}),
      // v0.8 drew one by itself when none was given.
      ...(each === 'latency' ? {} : error !== undefined ? { errno: error } : old ? { errno: 5 } : {}),
    },
  }));
}
