/**
 * `npm run bench -- [--quick] [--json] [--only WORDS]`: every operation on the model and on the kernel, side by side.
 *
 * A round measures every row once, the kernel right before the model, so that whatever else the machine does meets both
 * sides; the ratio is taken in each round. A first round warms up and is not counted, nor is the model's first turn in each. The harness is our own: the
 * benchmark libraries time functions of one program, and half of what is timed here is another program that takes turns
 * with this one. `packages/<name>/bench/*.bench.ts` export the rows.
 */
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { KernelTiming } from './kernel.ts';
import type { Row } from './row.ts';
import { type Result, spread, table } from './table.ts';

const FILES = [
  'core/bench/memory.bench.ts',
  'core/bench/faults.bench.ts',
  'core/bench/calls.bench.ts',
  'core/bench/kvm.bench.ts',
  'gru/bench/gru.bench.ts',
  'xpmem/bench/xpmem.bench.ts',
  'core/bench/chain.bench.ts',
  'core/bench/vmas.bench.ts',
  'trace/bench/replay.bench.ts',
];

/** What Node says of a package without its `dist`. */
const NOT_BUILT: ReadonlySet<string> = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND']);

/** What a file of rows exports. */
interface Bench {
  readonly rows: readonly Row[];
  /** Ends what the rows have started. */
  finish?(): Promise<void>;
}

const finishers: (() => Promise<void>)[] = [];

interface Measured {
  readonly row: Row;
  readonly model: number[];
  readonly kernel: number[];
  missing: string | undefined;
}

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, only: { type: 'string' } },
});
const rounds = options.quick === true ? 3 : 9;
const measured: Measured[] = (await allRows()).map((row) => ({ row, model: [], kernel: [], missing: undefined }));
const timing = new KernelTiming();
try {
  // Bytes first: they need collected garbage, and collecting on demand throws compiled code away.
  const [sized, timed] = [measured.filter(countsBytes), measured.filter((one) => !countsBytes(one))];
  for (let round = 1; round <= rounds; round++) for (const one of sized) await measure(one, false);
  for (let round = 0; round <= rounds; round++) {
    process.stderr.write(`bench: ${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}\n`);
    for (const one of timed) await measure(one, round === 0);
  }
} finally {
  timing.close();
  for (const finish of finishers) await finish();
}
const results = measured.map(resultOf);
if (options.json === true) {
  process.stdout.write(`${JSON.stringify({ machine: describeMachine(), rounds, results })}\n`);
} else {
  process.stdout.write(`${describeMachine()}; ${rounds} rounds\n\n${table(results)}\n`);
}

function countsBytes({ row }: Measured): boolean {
  return row.unit === 'bytes';
}

async function allRows(): Promise<Row[]> {
  const found: Row[] = [];
  for (const file of FILES) {
    found.push(...(await rowsOf(file)));
  }
  const words = options.only;
  return words === undefined ? found : found.filter(({ name }) => name.includes(words));
}

/** The rows of a file; none, and a line that says so, where a package that it needs has not been built. */
async function rowsOf(file: string): Promise<readonly Row[]> {
  try {
    const module = (await import(new URL(`../../${file}`, import.meta.url).href)) as Bench;
    if (module.finish !== undefined) finishers.push(module.finish);
    return module.rows;
  } catch (error) {
    if (!(error instanceof Error) || !NOT_BUILT.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    process.stderr.write(`bench: leaves out ${file}: ${error.message.split('\n')[0] ?? ''} (npm run build)\n`);
    return [];
  }
}

async function measure(one: Measured, warmsUp: boolean): Promise<void> {
  const { row } = one;
  if (row.kernel !== undefined) {
    const kernel = await timing.measure(row.kernel);
    if (typeof kernel === 'string') one.missing = kernel;
    else if (!warmsUp) one.kernel.push(kernel);
  }
  const beside = await row.beside?.();
  if (beside !== undefined && !warmsUp) one.kernel.push(beside);
  // The kernel's turn took the model's memory out of caches.
  await row.measure();
  const model = await row.measure();
  if (!warmsUp) one.model.push(model);
}

function resultOf({ row, model, kernel, missing }: Measured): Result {
  const { name, unit, aim } = row;
  const ratios = kernel.map((ns, round) => (model[round] ?? Number.NaN) / ns);
  const found = spread(model);
  return {
    name,
    unit,
    model: found,
    ...(row.kernel === undefined && kernel.length === 0 ? {} : { kernel: missing ?? spread(kernel) }),
    ...(ratios.length === 0 ? {} : { ratio: spread(ratios) }),
    aim: aimText(row),
    reached:
      aim.kind === 'ratio'
        ? ratios.length === 0
          ? undefined
          : spread(ratios).median <= aim.atMost
        : aim.kind === 'rate'
          ? found.median >= aim.atLeast
          : // A measurement below nothing is none.
            found.min >= 0 && found.median <= aim.atMost,
  };
}

function aimText({ unit, aim }: Row): string {
  if (aim.kind === 'ratio') return `${aim.text} of ${aim.of ?? 'the kernel'}`;
  if (aim.kind === 'rate') return `>= ${aim.atLeast / 1e6} million/s`;
  return unit === 'us' ? `<= ${aim.atMost / 1000} us` : `<= ${aim.atMost} ${unit}`;
}

function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpu?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, Linux ${release()}, Node ${process.version}`;
}
