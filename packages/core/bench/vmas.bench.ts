/** VMAs in numbers: split and merge, look-up. */
import type { Kernel } from '../src/kernel.ts';
import { AREA, Model, PAGE, TARGET } from './model.ts';
import { type Row, cpuTime } from './row.ts';

const SPLITS = 4000;
const LOOKUPS = 400_000;

const models = new Map<number, Model>();

function withAreas(count: number): Model {
  let model = models.get(count);
  if (model !== undefined) return model;
  model = new Model();
  model.manyAreas(count, 'untouched');
  model.map(3);
  models.set(count, model);
  return model;
}

function splitMerge(count: number): number {
  const model = withAreas(count);
  return cpuTime(SPLITS, () => {
    for (let i = 0; i < SPLITS; i++) {
      model.protect(AREA + PAGE, 1, 'r');
      model.protect(AREA + PAGE, 1, 'rw');
    }
  });
}

/** Addresses in no order, so that no look-up finds the last hit. */
function lookup(count: number): number {
  const { kernel } = withAreas(count).machine as unknown as { kernel: Kernel };
  const vmas = [...kernel.mms.values()][0].vmas;
  let found = 0;
  const cost = cpuTime(LOOKUPS, () => {
    for (let i = 0, at = 1; i < LOOKUPS; i++) {
      at = (at * 25173 + 13849) % 65536;
      if (vmas.at(2 * TARGET + 2 * PAGE * (at % count)) !== undefined) found++;
    }
  });
  if (found !== LOOKUPS) throw new Error(`${LOOKUPS - found} look-ups found nothing`);
  return cost;
}

const splitRow = (count: number): Row => ({
  name: `VMA split and merge among ${count.toLocaleString('en')}`,
  kernel: `split-merge-${count}`,
  unit: 'ns',
  aim: { kind: 'ratio', atMost: 1, text: '<= 1' },
  measure: () => splitMerge(count),
});

/** Rows by the names that `timing.c` has for them. */
export const rows: readonly Row[] = [
  splitRow(10),
  splitRow(1000),
  splitRow(60_000),
  {
    name: 'VMA look-up among 60,000',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 300 },
    measure: () => lookup(60_000),
  },
];
