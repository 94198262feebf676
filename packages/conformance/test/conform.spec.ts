/** The suite finds what is wrong: guards taken out of correct drivers, and traits that are not true. */
import { withoutGuard as withoutCoreGuard } from '@mmu-notifier/core/testing';
import { gru } from '@mmu-notifier/gru';
import { withoutGuard as withoutGruGuard } from '@mmu-notifier/gru/testing';
import { kvm } from '@mmu-notifier/kvm';
import { withoutGuard as withoutKvmGuard } from '@mmu-notifier/kvm/testing';
import type { PluginTraits, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { xpmem } from '@mmu-notifier/xpmem';
import { withoutGuard as withoutXpmemGuard } from '@mmu-notifier/xpmem/testing';
import {
  type ConformanceReport,
  conform,
  conformScenario,
  conformance,
  conformanceTable,
  scenarioNames,
} from '../src/index.ts';

const UNMAP = 'munmap under a load, its translation absent';

/** Package, guard, what takes it out, the scenario that shows it, and the oracle that says so. */
const MUTANTS: readonly (readonly [() => SecondaryMmuPlugin, string, () => () => void, string, string])[] = [
  [kvm, 'sequence-check', () => withoutKvmGuard('sequence-check'), UNMAP, 'stale-translation'],
  [kvm, 'in-progress-check', () => withoutKvmGuard('in-progress-check'), UNMAP, 'stale-translation'],
  [kvm, 'check-under-lock', () => withoutKvmGuard('check-under-lock'), UNMAP, 'stale-translation'],
  [kvm, 'sequence-at-end', () => withoutKvmGuard('sequence-at-end'), UNMAP, 'stale-translation'],
  [kvm, 'window-count', () => withoutKvmGuard('window-count'), 'two windows that overlap in time', 'stale-translation'],
  [kvm, 'flush', () => withoutKvmGuard('flush'), UNMAP, 'start-is-a-barrier'],
  [gru, 'range-active-check', () => withoutGruGuard('range-active-check'), UNMAP, 'stale-translation'],
  [gru, 'count-before-purge', () => withoutGruGuard('count-before-purge'), UNMAP, 'start-is-a-barrier'],
  [gru, 'hardware-cancel', () => withoutGruGuard('hardware-cancel'), UNMAP, 'use-after-free'],
  [gru, 'wake-after-decrement', () => withoutGruGuard('wake-after-decrement'), UNMAP, 'deadlock'],
  [gru, 'purge', () => withoutGruGuard('purge'), UNMAP, 'start-is-a-barrier'],
  [
    gru,
    'dirty-check',
    () => withoutGruGuard('dirty-check'),
    'a page that came from swap, and that only the device writes, goes there again',
    'data',
  ],
  [gru, 'release', () => withoutGruGuard('release'), 'exec under a load, its translation present', 'use-after-free'],
  [xpmem, 'sequence-check', () => withoutXpmemGuard('sequence-check'), UNMAP, 'stale-translation'],
  [xpmem, 'recall', () => withoutXpmemGuard('recall'), UNMAP, 'start-is-a-barrier'],
  [
    xpmem,
    'write-permission',
    () => withoutXpmemGuard('write-permission'),
    'MADV_DONTNEED under a load, its translation present',
    'write-through-read-only',
  ],
  [
    kvm,
    'take-all-locks of core',
    () => withoutCoreGuard('take-all-locks'),
    'registering in the middle of an invalidation',
    'uncovered-pte',
  ],
];

describe('without a guard', () => {
  it.each(MUTANTS.map((mutant) => [mutant[0]().name, mutant[1], mutant] as const))('%s: %s', (_, __, mutant) => {
    const [plugin, , remove, scenario, oracle] = mutant;
    expect(conformScenario(() => plugin(), scenario, { maxRuns: 400 }).verdict).toMatch(/^held/);
    const restore = remove();
    try {
      const { verdict, check } = conformScenario(() => plugin(), scenario, { maxRuns: 400 });
      expect(verdict === 'held' ? verdict : check?.finding?.violation.oracle).toBe(oracle);
    } finally {
      restore();
    }
  });
});

function report(plugin: () => SecondaryMmuPlugin, maxRuns = 5): ConformanceReport {
  const suite = conform(plugin, { maxRuns, auditRuns: 0 });
  for (;;) {
    const { done, value } = suite.next();
    if (done) return value;
  }
}

/** A driver that declares something else than it does. */
const lying = (plugin: SecondaryMmuPlugin, lie: Partial<PluginTraits>): SecondaryMmuPlugin => ({
  ...plugin,
  traits: { ...plugin.traits, ...lie },
});

describe('a trait that is not true', () => {
  it.each<[string, () => SecondaryMmuPlugin, Partial<PluginTraits>]>([
    ['none, and pins', () => kvm({ pin: true }), { pins: 'none' }],
    ['registered for each device, and shared', gru, { registration: 'mm' }],
    ['without young, and answers', kvm, { callbacks: { ...kvm().traits.callbacks, clearYoung: undefined } as never }],
  ])('ends a run: %s', (_, plugin, lie) => {
    const liar = (): SecondaryMmuPlugin => lying(plugin(), lie);
    expect(conformScenario(liar, 'closing under an access').check?.finding?.violation.oracle).toBe('trait');
  });

  it('ends a run: atomic, and sleeps', () => {
    const sleeper = (sleeps: boolean): SecondaryMmuPlugin => {
      const plugin = kvm();
      return {
        ...plugin,
        *attach(host) {
          const register: typeof host.notifiers.register = (mm, ops) =>
            host.notifiers.register(mm, {
              ...ops,
              *invalidateRangeStart(range) {
                if (sleeps && range.blockable) yield* host.tasks.sleep(1);
                return (yield* ops.invalidateRangeStart?.(range) ?? []) ?? 'done';
              },
            });
          return yield* plugin.attach({ ...host, notifiers: { ...host.notifiers, register } });
        },
      };
    };
    const scenario = 'MADV_DONTNEED under a load, its translation present';
    expect(conformScenario(() => sleeper(false), scenario).verdict).toBe('held');
    expect(conformScenario(() => sleeper(true), scenario).check?.finding?.violation.oracle).toBe('sleep-in-atomic');
  });

  it.each<[keyof PluginTraits, () => SecondaryMmuPlugin, Partial<PluginTraits>]>([
    ['faultMode', kvm, { faultMode: 'as-asked' }],
    ['dirty', kvm, { dirty: 'at-map' }],
    ['dirty', gru, { dirty: 'per-spte' }],
    ['pins', kvm, { pins: 'longterm' }],
    ['invalidateAt', kvm, { invalidateAt: 'end' }],
    ['addressSpaces', kvm, { addressSpaces: 'one' }],
    ['pageSizes', kvm, { pageSizes: [2 ** 21] as never }],
    ['callbacks', gru, { callbacks: { ...gru().traits.callbacks, testYoung: 'atomic' } }],
  ])('is seen over all runs: %s', (trait, plugin, lie) => {
    const { traits, conforms } = report(() => lying(plugin(), lie));
    expect(traits.find((row) => row.trait === trait)?.verdict).toBe('broken');
    expect(conforms).toBe(false);
  });
});

describe('the report', () => {
  it('is a table to paste: scenarios by the rule that they are about, then traits', () => {
    const text = conformanceTable(report(() => gru(), 2));
    expect(text).toMatch(/^\*\*gru\*\* conforms: \d+ held/);
    for (const name of scenarioNames()) expect(text).toContain(`| ${name} | `);
    expect(text).toContain(
      '| what only the device uses stays, and what nobody uses goes | skipped (it answers no question of age) | 0 |',
    );
    expect(text).toContain('| pins | none | none | proved |');
  });

  it('has what is wrong, and its schedule', () => {
    const restore = withoutKvmGuard('flush');
    try {
      const wrong = report(() => kvm(), 2);
      expect(wrong.conforms).toBe(false);
      expect(conformanceTable(wrong)).toMatch(/\| \*\*violated\*\*: `start-is-a-barrier`: /);
      expect(
        wrong.scenarios.find(({ verdict }) => verdict === 'violated')?.check?.finding?.schedule.blocks,
      ).toBeDefined();
    } finally {
      restore();
    }
  });
});

describe('with a framework of tests', () => {
  it('registers one test for each scenario, and one for the traits', () => {
    const names: string[] = [];
    const framework = {
      describe: (name: string, body: () => void) => (names.push(name), body()),
      it: (name: string, body: () => void) => {
        names.push(name);
        if (name === UNMAP) body();
      },
    };
    conformance(() => kvm(), { framework, maxRuns: 5 });
    expect(names).toEqual(['kvm keeps the contract', ...scenarioNames(), 'does what its traits declare']);
  });

  it('fails the test of a scenario that is broken, with the schedule', () => {
    const restore = withoutKvmGuard('flush');
    try {
      const framework = {
        describe: (_: string, body: () => void) => body(),
        it: (name: string, body: () => void) =>
          void (name === UNMAP && expect(body).toThrow(/start-is-a-barrier.*\nschedule: \{"format":1/s)),
      };
      conformance(() => kvm(), { framework });
    } finally {
      restore();
    }
  });

  it('says what it needs', () => {
    expect(() => conformance(() => kvm(), { framework: {} as never })).toThrow(
      'expected { framework } of jest, vitest or node:test',
    );
  });

  it('knows its scenarios', () => {
    expect(() => conformScenario(() => kvm(), 'nothing')).toThrow('found no scenario "nothing"');
  });
});
