/**
 * What the self-tests of KVM and `kvm-unit-tests` check of its memory management, as scripts under the same names, over many seeds and with
 * every oracle on, in both modes of the driver.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseScript } from '@mmu-notifier/trace';
import { Interrupt } from '../src/interrupt.ts';
import { loadPlugin } from '../src/plugins.ts';
import type { ProgressDisplay } from '../src/progress.ts';
import { runSeeds } from '../src/run/many-seeds.ts';
import { parseRunFlags } from '../src/run/options.ts';

const SEEDS = 300;
const SILENT: ProgressDisplay = { begin: () => undefined, update: () => undefined, end: () => undefined };
const SELF_TESTS = [
  'access_tracking_perf_test',
  'kvm_page_table_test',
  'memslot_perf_test',
  'mmu_stress_test',
  'set_memory_region_test',
  'memslot_modification_stress_test',
  'demand_paging_test',
  'dirty_log_test',
  'dirty_log_test.clear-log',
  'dirty_log_test.dirty-ring',
];
/** The others of these are in the driver's own tests (`packages/kvm/src/shadow/shadow.spec.ts`). */
const UNIT_TESTS = ['asyncpf'];
const FILES = [
  ...SELF_TESTS.map((name) => [name, 'kvm-selftests'] as const),
  ...UNIT_TESTS.map((name) => [name, 'kvm-unit-tests'] as const),
];

describe.each(FILES)('%s', (name, folder) => {
  it.each(['direct', 'shadow'])(`holds over ${SEEDS} seeds with %s paging`, async (mode) => {
    const file = join(__dirname, folder, `${name}.mm`);
    const text = readFileSync(file, 'utf8').replace('"vcpus":2', `"vcpus":2,"mode":"${mode}"`);
    expect(text).toContain(mode);
    const plugins = new Map([['kvm', await loadPlugin('kvm')]]);
    const options = { ...parseRunFlags({ ram: '1M', swap: '1M' }), seeds: SEEDS };
    const interrupt = new Interrupt();
    try {
      const { seeds, violations } = await runSeeds(parseScript(text, file), options, plugins, interrupt, SILENT);
      expect(violations).toEqual([]);
      expect(seeds).toBe(SEEDS);
    } finally {
      interrupt.dispose();
    }
  });
});
