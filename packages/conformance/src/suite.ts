/** The suite as tests of jest, vitest or node:test. */
import type { SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { type ConformOptions, type ScenarioResult, conform, conformScenario, scenarioNames } from './conform.ts';
import type { TraitRow } from './traits.ts';

const FEW_RUNS = 5;

/** What the suite needs of a test framework. @public */
export interface TestFramework {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => void): unknown;
}

/**
 * One test for each scenario, and one for the traits. jest, and vitest with globals, need no more than the plugin; others hand their own over:
 * `import * as framework from 'node:test'`.
 *
 * @example `conformance(() => myDevice())`
 * @public
 */
export function conformance(
  plugin: () => SecondaryMmuPlugin,
  options: ConformOptions & { readonly framework?: TestFramework } = {},
): void {
  const { framework = globalThis as unknown as TestFramework } = options;
  if (typeof framework.describe !== 'function' || typeof framework.it !== 'function')
    throw new TypeError('conformance: found no describe and it, expected { framework } of jest, vitest or node:test');
  framework.describe(`${plugin().name} keeps the contract`, () => {
    for (const name of scenarioNames()) framework.it(name, () => throwIfBroken(conformScenario(plugin, name, options)));
    framework.it('does what its traits declare', () => throwIfUntrue(traitsOf(plugin)));
  });
}

/** A few runs of each scenario show what a driver does. */
function traitsOf(plugin: () => SecondaryMmuPlugin): readonly TraitRow[] {
  const suite = conform(plugin, { maxRuns: FEW_RUNS, auditRuns: 0 });
  for (;;) {
    const { done, value } = suite.next();
    if (done) return value.traits;
  }
}

function throwIfUntrue(traits: readonly TraitRow[]): void {
  const untrue = traits.filter(({ verdict }) => verdict === 'broken');
  if (untrue.length === 0) return;
  const lines = untrue.map(({ trait, declared, seen }) => `${trait}: found ${seen}, declared ${declared}`);
  throw new Error(lines.join('\n'));
}

function throwIfBroken({ verdict, check, undeclared, reason }: ScenarioResult): void {
  if (verdict !== 'skipped' && !verdict.startsWith('held')) {
    const { violation, schedule } = check?.finding ?? {};
    throw new Error(
      `${verdict}: ${violation === undefined ? (check?.reason ?? reason ?? '') : `${violation.oracle}: ${violation.message}`}\n` +
        `schedule: ${JSON.stringify(schedule ?? null)}`,
    );
  }
  const [first] = undeclared;
  if (first !== undefined)
    throw new Error(
      `steps of ${first.first.task} and ${first.second.task} share state that is not declared: ${first.difference}`,
    );
}
