/**
 * One run of one script on one machine: set-up lines one after the other, tasks concurrently under the machine's
 * scheduler, closing lines, verdicts, and last the machine's own leak checks. The first violation ends it, since nothing
 * continues on a broken world.
 */
import { ContractViolation, type Machine, type Violation } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import type { ExpectedViolation, MmEvent, Script } from '@mmu-notifier/trace';
import type { LoadedPlugin } from '../plugins.ts';
import { execute } from './execute.ts';
import { splitPhases } from './phases.ts';
import { type Judgement, judge, judgeExpected } from './verdicts.ts';
import { World } from './world.ts';

/** A line of the output of `run`. */
export type ResultLine = Readonly<Record<string, unknown>>;

/** How a run ended. */
export interface RunEnd {
  readonly violation?: Violation;
  /** What the verdict lines said; empty where a violation came first. */
  readonly judgements: readonly Judgement[];
  /** What the names were bound to at the end, as one text. */
  readonly outcome: string;
}

/** What else somebody wants of a run. */
export interface ScriptHooks {
  /** Wraps what is concurrent. */
  readonly around?: (runTasks: () => void) => void;
  /** Told of each event that begins. */
  readonly began?: (line: number) => void;
}

export class ScriptRun {
  private readonly script: Script;
  private readonly world: World;
  private readonly emit: (line: ResultLine) => void;
  private readonly around: (runTasks: () => void) => void;
  private readonly began: (line: number) => void;
  /** The line that each task is at; the sequential lines are a task without a name. */
  private readonly at = new Map<string | undefined, number>();

  constructor(
    script: Script,
    machine: Machine,
    plugins: ReadonlyMap<string, LoadedPlugin>,
    emit: (line: ResultLine) => void,
    { around = (runTasks): void => runTasks(), began = (): void => undefined }: ScriptHooks = {},
  ) {
    this.around = around;
    this.began = began;
    this.script = script;
    this.world = new World(machine, plugins);
    this.emit = emit;
  }

  /** Pauses between two events, so that its caller can look up. */
  *run(): Generator<void, RunEnd> {
    const judgements: Judgement[] = [];
    let violation = yield* this.runToEnd(judgements);
    let outcome = this.world.bindings.summary();
    const expected = this.script.verdicts.find((verdict) => verdict.kind === 'expect');
    if (expected !== undefined) {
      if (violation !== undefined) outcome = `stopped by ${violation.oracle}`;
      violation = this.judgeEnd(expected, violation, judgements);
    }
    return violation === undefined ? { judgements, outcome } : { judgements, outcome, violation };
  }

  private *runToEnd(judgements: Judgement[]): Generator<void, Violation | undefined> {
    try {
      yield* this.runEvents();
      return this.judge(judgements) ?? this.shutDown();
    } catch (error) {
      if (!(error instanceof ContractViolation)) throw error;
      const { violation } = error;
      this.emit({ ...this.lineOf(violation), violation });
      return violation;
    }
  }

  private judgeEnd(
    expected: ExpectedViolation,
    found: Violation | undefined,
    judgements: Judgement[],
  ): Violation | undefined {
    const { line } = expected;
    const violation = judgeExpected(expected, found);
    if (violation === undefined) {
      const judgement: Judgement = { line, verdict: 'expect', holds: true };
      judgements.push(judgement);
      this.emit({ ...judgement });
    } else this.emit({ line, violation });
    return violation;
  }

  private *runEvents(): Generator<void, void> {
    const { machine } = this.world;
    const { setUp, tasks, closing } = splitPhases(this.script.events);
    for (const event of setUp) yield* this.runOne(event);
    this.at.delete(undefined);
    for (const [name, events] of tasks) {
      const owner = events.map(callerOf).find((caller) => caller !== undefined);
      machine.spawn(name, this.runTask(name, events), owner === undefined ? undefined : this.world.process(owner));
    }
    if (tasks.size > 0) this.around(() => machine.runAll());
    for (const event of closing) yield* this.runOne(event);
  }

  private *runOne(event: MmEvent): Generator<void, void> {
    yield;
    const caller = callerOf(event);
    const process = caller === undefined ? undefined : this.world.process(caller);
    const name = event.actor.kind === 'machine' ? 'machine' : event.actor.name;
    this.world.machine.run(name, this.runEvent(undefined, event), process);
  }

  private *runTask(name: string, events: readonly MmEvent[]): Routine<void> {
    for (const event of events) yield* this.runEvent(name, event);
  }

  private *runEvent(task: string | undefined, event: MmEvent): Routine<void> {
    this.at.set(task, event.line);
    this.began(event.line);
    const outcome = yield* execute(this.world, event);
    this.emit({ line: event.line, ...(task === undefined ? {} : { task }), ...outcome.fields });
    if (event.verb === 'check') throwFirst(outcome.fields['result'] as readonly Violation[]);
  }

  private judge(judgements: Judgement[]): Violation | undefined {
    for (const verdict of this.script.verdicts) {
      if (verdict.kind === 'expect') continue;
      const judgement = judge(verdict, this.world.bindings);
      judgements.push(judgement);
      const { line, ...rest } = judgement;
      this.emit('violation' in rest ? { line, violation: rest.violation } : { line, ...rest });
      if ('violation' in judgement) return judgement.violation;
    }
    return undefined;
  }

  private shutDown(): Violation | undefined {
    const [first, ...others] = this.world.machine.shutdown();
    if (first === undefined) return undefined;
    for (const violation of [first, ...others]) this.emit({ violation });
    return first;
  }

  private lineOf({ task }: Violation): { line?: number } {
    const line = this.at.get(task) ?? this.at.get(undefined);
    return line === undefined ? {} : { line };
  }
}

/** The process whose call an event is: a device is opened by the process that it mirrors, so a signal to it counts. */
function callerOf(event: MmEvent): string | undefined {
  if (event.actor.kind === 'process') return event.actor.name;
  return event.verb === 'attach' ? event.process : undefined;
}

/** Violations that a question found end the run like any other. */
function throwFirst([first]: readonly Violation[]): void {
  if (first !== undefined) throw new ContractViolation(first);
}
