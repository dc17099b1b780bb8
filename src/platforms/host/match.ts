import { parseDuration } from '../../core/duration.ts';
import { compilePattern } from '../../core/pattern.ts';
import { tickMs } from './parse.ts';
import { listeningOn } from './ports.ts';
import { attempt, type ProcFs } from './proc.ts';
import type { HostSelector, OneOrMore } from './selector.ts';
import type { Users } from './users.ts';
import { fileNames, type ProcessView, units, viewOf } from './view.ts';

/** Whether a process is meant. */
export type Test = (view: ProcessView) => boolean;

/**
 * Compile a selector for one discovery. Tests run from cheap to dear, so that a name spares reading the rest.
 * What may not be read does not match. Throws `usage` for a user that this host does not know.
 */
export function compileSelector(selector: HostSelector, proc: ProcFs, users: Users): Test {
  const tests: Test[] = [];
  const when = <T>(given: T | undefined, test: (given: T) => Test) => {
    if (given !== undefined) tests.push(test(given));
  };

  when(selector.pid, (pids) => {
    const wanted = new Set(list(pids));
    return ({ stat }) => wanted.has(stat.pid);
  });
  when(selector.minAge, (text) => ageTest(proc, text, (age, limit) => age >= limit));
  when(selector.maxAge, (text) => ageTest(proc, text, (age, limit) => age <= limit));
  when(selector.name, (names) => {
    const each = list(names).map(nameTest);
    return (view) => each.some((test) => test(view));
  });
  when(selector.parent, (parent) => parentTest(parent, proc, users));
  when(selector.command, (commands) => {
    const fits = anyOf(commands);
    return (view) => view.argv().length > 0 && fits(view.command());
  });
  when(selector.user, (given) => {
    const uids = new Set(list(given).map((user) => users.uidOf(user)));
    return (view) => uids.has(view.uid() ?? -1);
  });
  when(selector.cgroup, (paths) => {
    const fits = anyOf(paths);
    return (view) => view.cgroup().some(({ path }) => fits(path));
  });
  when(selector.unit, (names) => {
    const fits = anyOf(list(names).map(fullUnitName));
    return (view) => units(view).some(fits);
  });
  when(selector.exe, (paths) => {
    const fits = anyOf(paths);
    return (view) => fits(view.exe() ?? '');
  });
  when(selector.env, (wanted) => {
    const each = Object.entries(wanted).map(([name, value]) => ({ name, fits: compilePattern(value) }));
    return (view) => {
      const environ = view.environ();
      return environ !== undefined && each.every(({ name, fits }) => name in environ && fits(environ[name] ?? ''));
    };
  });
  when(selector.port, (ports) => listeningOn(new Set(list(ports)), proc));

  return (view) => tests.every((test) => test(view));
}

const list = <T>(given: OneOrMore<T>): readonly T[] => (Array.isArray(given) ? given : [given as T]);

function anyOf(patterns: OneOrMore<string>): (text: string) => boolean {
  const compiled = list(patterns).map(compilePattern);
  return (text) => compiled.some((fits) => fits(text));
}

/** The kernel keeps 15 bytes of a name. A longer exact name must be the name of the program's file as well. */
function nameTest(name: string): Test {
  const fits = compilePattern(name);
  const bytes = Buffer.from(name);
  if (name.startsWith('re2:') || bytes.length <= 15) return ({ stat }) => fits(stat.comm);
  const kept = bytes.subarray(0, 15).toString();
  return (view) => fits(view.stat.comm) || (view.stat.comm === kept && fileNames(view).includes(name));
}

function parentTest(parent: number | HostSelector, proc: ProcFs, users: Users): Test {
  if (typeof parent === 'number') return ({ stat }) => stat.ppid === parent;
  const test = compileSelector(parent, proc, users);
  const known = new Map<number, boolean>();
  return ({ stat: { ppid } }) => {
    const before = known.get(ppid);
    if (before !== undefined) return before;
    const stat = ppid > 0 ? attempt(() => proc.stat(ppid)) : undefined;
    const fits = stat !== undefined && test(viewOf(proc, stat));
    known.set(ppid, fits);
    return fits;
  };
}

function ageTest(proc: ProcFs, text: string, within: (age: number, limit: number) => boolean): Test {
  const limit = parseDuration(text.trim()) ?? 0;
  const uptime = Number(proc.text('uptime').split(' ')[0]) * 1000;
  return ({ stat }) => within(uptime - Number(stat.startTime) * tickMs, limit);
}

function fullUnitName(name: string): string {
  return name.startsWith('re2:') || /\.(service|scope|slice)$/.test(name) ? name : `${name}.service`;
}
