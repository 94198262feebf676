/** The whole suite: every scenario explored, what commutes audited, every trait judged. */
import {
  type AuditOptions,
  type AuditResult,
  type CheckProgress,
  type CheckResult,
  type Undeclared,
  type Verdict,
  audit,
  check,
} from '@mmu-notifier/checker';
import type { Errno, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { type Scenario, programOf } from './scenario.ts';
import { SCENARIOS } from './scenarios/all.ts';
import { Stage } from './stage.ts';
import { type TraitRow, judgeTraits } from './traits.ts';
import { Observed, watched } from './watch.ts';

/** @public */
export interface ConformOptions {
  /** Runs of one scenario at most: 1000 unless given. A scenario that needs more is `held up to` that. */
  readonly maxRuns?: number;
  /** Runs of a scenario whose steps are swapped, to see whether what it shares is declared: 5 unless given. */
  readonly auditRuns?: number;
  /** How many choices of a run may fall on what goes wrong: 1 unless given. */
  readonly failures?: number;
}

/** How one scenario ended. @public */
export interface ScenarioResult {
  readonly group: string;
  readonly name: string;
  readonly verdict: Verdict | 'skipped';
  /** Of `held up to`: what was not tried; of `skipped`: why. */
  readonly reason?: string;
  readonly runs: number;
  /** What was found, with its schedule. */
  readonly check?: CheckResult;
  /** Steps whose order matters, and that do not say so: its verdict may miss an order. */
  readonly undeclared: readonly Undeclared[];
}

/** @public */
export interface ConformanceReport {
  readonly plugin: string;
  readonly scenarios: readonly ScenarioResult[];
  readonly traits: readonly TraitRow[];
  /** No scenario is broken, no trait, and nothing that is shared goes undeclared. */
  readonly conforms: boolean;
}

/** How far it is. @public */
export interface ConformProgress {
  readonly scenario: string;
  readonly done: number;
  readonly total: number;
  /** Of the scenario under way. */
  readonly runs: number;
}

const MAX_RUNS = 1000;
const AUDIT_RUNS = 5;

/**
 * @param plugin - Makes the plugin anew for each run.
 * @yields How far it is, so that the caller can show it, or leave.
 * @public
 */
export function* conform(
  plugin: () => SecondaryMmuPlugin,
  options: ConformOptions = {},
): Generator<ConformProgress, ConformanceReport> {
  const seen = new Observed();
  const scenarios: ScenarioResult[] = [];
  for (const scenario of SCENARIOS) {
    const progress = (runs: number): ConformProgress => ({
      scenario: scenario.name,
      done: scenarios.length,
      total: SCENARIOS.length,
      runs,
    });
    scenarios.push(yield* judge(plugin, scenario, seen, options, progress));
  }
  const { name, traits: declared } = plugin();
  const traits = judgeTraits(declared, seen, addressSpaces(plugin));
  const sound = scenarios.every(
    ({ verdict, undeclared }) => (verdict.startsWith('held') || verdict === 'skipped') && undeclared.length === 0,
  );
  return { plugin: name, scenarios, traits, conforms: sound && traits.every(({ verdict }) => verdict !== 'broken') };
}

/** Names of the scenarios, in the order of the report. @public */
export function scenarioNames(): readonly string[] {
  return SCENARIOS.map(({ name }) => name);
}

/** One scenario alone. @throws RangeError where there is none of that name. @public */
export function conformScenario(
  plugin: () => SecondaryMmuPlugin,
  name: string,
  options: ConformOptions = {},
): ScenarioResult {
  const scenario = SCENARIOS.find((known) => known.name === name);
  if (scenario === undefined) throw new RangeError(`found no scenario "${name}"`);
  const search = judge(plugin, scenario, new Observed(), options, () => undefined);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

function* judge<P>(
  plugin: () => SecondaryMmuPlugin,
  scenario: Scenario,
  seen: Observed,
  { maxRuns = MAX_RUNS, failures = 1, auditRuns = AUDIT_RUNS }: ConformOptions,
  progress: (runs: number) => P,
): Generator<P, ScenarioResult> {
  const { group, name } = scenario;
  const base = { group, name, undeclared: [] as readonly Undeclared[] };
  const reason = scenario.skip?.(plugin().traits);
  if (reason !== undefined) return { ...base, verdict: 'skipped', reason, runs: 0 };
  const program = programOf(() => watched(plugin(), seen), scenario, seen);
  // Most races need one preemption: those runs come first, and all of them.
  const few = yield* finished(check(program, { search: 'bounded', preemptions: 1, failures: 0, maxRuns }), progress);
  if (!few.verdict.startsWith('held')) return { ...base, verdict: few.verdict, runs: few.runs, check: few };
  const result = yield* finished(check(program, { maxRuns, failures }), progress);
  const { verdict, runs, bound } = result;
  if (!verdict.startsWith('held')) return { ...base, verdict, runs, check: result };
  const { undeclared } = yield* audited(programOf(plugin, scenario), { runs: auditRuns, failures }, () =>
    progress(runs),
  );
  if (bound === undefined) return { ...base, verdict, runs, undeclared };
  const all = few.bound === '1 preemptions' ? `${bound}, and in all with one preemption` : bound;
  return { ...base, verdict, runs, undeclared, reason: all };
}

function* finished<P>(
  search: Generator<CheckProgress, CheckResult>,
  progress: (runs: number) => P,
): Generator<P, CheckResult> {
  for (;;) {
    const step = search.next();
    if (step.done) return step.value;
    yield progress(step.value.runs);
  }
}

function* audited<P>(
  program: ReturnType<typeof programOf>,
  options: AuditOptions,
  progress: () => P,
): Generator<P, AuditResult> {
  const search = audit(program, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
    yield progress();
  }
}

/** Whether it mirrors two processes at once. */
function addressSpaces(plugin: () => SecondaryMmuPlugin): 'one' | 'several' {
  const stage = new Stage(plugin());
  const { machine, process } = stage;
  const both = function* (): Routine<Errno | undefined> {
    yield* stage.attach();
    yield* stage.map();
    const child = yield* machine.syscalls.fork(process);
    if (typeof child === 'string') return child;
    return (yield* stage.open()) ?? (yield* stage.device.open(child.handle));
  };
  const error = machine.run('both', both(), process);
  machine.shutdown();
  machine.close();
  return error === undefined ? 'several' : 'one';
}
