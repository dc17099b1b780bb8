import { readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleOf, bundleTests } from './bundle.ts';
import { type Bench, bringIn, bringOut, checkout, ensureImage, guestCheckout, startClone } from './lab.ts';
import { ended, lifeline } from './lifeline.ts';
import { guestEnv } from './machine.ts';
import { LabError, saying } from './say.ts';
import { type Count, chooseFiles, countTests, parseTestLine, sum, type TestOptions, testHelp } from './tests.ts';

const bench: Bench = { say: saying(), signal: lifeline() };
const config = 'vitest.vm.config.ts';
/** What test/matrix writes. */
const record = 'docs/reference/matrix.json';
const resultsInGuest = '/run/results';

async function main(args: readonly string[]): Promise<number> {
  const options = parse(args);
  if (!options) {
    process.stdout.write(testHelp);
    return 0;
  }
  const folders = ['src', 'test', 'lab', 'deploy', 'examples'];
  const all = folders.flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const files = chooseFiles(all, options);
  if (files.length === 0) throw new LabError(`no file *.${options.kind}.test.ts fits`, `given: ${args.join(' ')}`);
  const counts: Count[] = [];
  let worst = 0;
  for (const group of options.each ? files.map((file) => [file]) : [files]) {
    const { code, count } = await runGroup(group, options, counts.length);
    worst = Math.max(worst, code);
    counts.push(count);
  }
  const { passed, failed, skipped } = sum(counts);
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (passed + failed === 0)
    throw new LabError(`none of the tests in ${files.length} files ran`, 'see the reasons above');
  return worst;
}

function parse(args: readonly string[]): TestOptions | undefined {
  try {
    return parseTestLine(args);
  } catch (error) {
    throw new LabError((error as Error).message, testHelp);
  }
}

async function runGroup(files: readonly string[], options: TestOptions, number: number) {
  const image = await ensureImage(bench);
  const bundles = bundleTests(checkout, [config, ...files], guestCheckout);
  const machine = await startClone(image, true, bench);
  try {
    const env = {
      ...guestEnv,
      ...(process.env.CI ? { CI: process.env.CI } : {}),
      ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
      ZASHIKI_VM_BUNDLED: '1',
      ZASHIKI_VM_RESULTS: resultsInGuest,
      ...(options.record ? { ZASHIKI_MATRIX: 'write' } : {}),
      ...(options.via === undefined ? {} : { ZASHIKI_MATRIX_VIA: options.via }),
    };
    await bringIn(machine, await bundles);
    const vitest = ['node', 'node_modules/vitest/vitest.mjs', 'run', '--configLoader', 'native'];
    const argv = [...vitest, '--config', bundleOf(config), ...files.map(bundleOf)];
    const wires = {
      onOut: (bytes: Buffer) => void process.stdout.write(bytes),
      onErr: (bytes: Buffer) => void process.stderr.write(bytes),
    };
    const work = machine.agent.run({ argv, cwd: guestCheckout, env }, wires);
    const code = await Promise.race([work, sleep(options.timeoutS * 1000, 'late' as const, { ref: false })]);
    if (code === 'late')
      throw new LabError(`no end after ${options.timeoutS} s`, 'the test that hangs is the one not shown');
    const chunks: Buffer[] = [];
    const read = { argv: ['cat', `${resultsInGuest}/junit.xml`], cwd: '/', env: guestEnv };
    await machine.agent.run(read, { onOut: (bytes) => void chunks.push(bytes) });
    const junit = Buffer.concat(chunks).toString();
    if (options.results !== undefined) {
      await mkdir(options.results, { recursive: true });
      await writeFile(join(options.results, `${options.kind}-${number}.xml`), junit);
    }
    const written = `${guestCheckout}/${record}`;
    if (options.record && code === 0 && !(await bringOut(machine, written, join(checkout, dirname(record)))))
      throw new LabError(`${record} did not come out of the guest`, 'was test/matrix among the tests?');
    return { code, count: countTests(junit) };
  } catch (cause) {
    bench.signal.throwIfAborted();
    if (cause instanceof LabError) throw cause;
    throw new LabError(
      `the guest was lost: ${(cause as Error).message}\n${machine.lastLines()}`,
      'see its last lines',
      { cause },
    );
  } finally {
    await machine.close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = ended(error, testHelp);
}
process.exit();
