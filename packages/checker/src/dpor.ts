/**
 * Optimal dynamic partial-order reduction (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017): of all interleavings that
 * differ only in the order of steps that commute, one is run. Each run shows races; for each race the sequence that
 * turns it round is put into the wakeup tree of the state before it, unless a task that sleeps there leads to it.
 *
 * What a step touches is known when it was made, and only then. So a sleeping task carries what its step touched, and the
 * step that a reversed race ends in counts with what it touched where it came later. Where that is wrong, the race shows
 * again in the run that follows.
 */
import type { DporState } from './checkpoint.ts';
import { wantedLock } from './execution.ts';
import type { Node } from './node.ts';
import type { Program } from './program.ts';
import { Cut } from './recorder.ts';
import { type Engine, NonDeterminism, type SearchedRun } from './engine.ts';
import { Stepper, lowest } from './stepper.ts';
import { type Branch, type Sequence, branchOf, commutes, insert, isInitial, same, sequenceOf } from './wakeup-tree.ts';

export class Dpor extends Stepper implements Engine {
  /** Sequences that could not be followed. */
  infeasible = 0;
  spared = false;
  private readonly nodes: Node[] = [];
  private readonly failures: number;
  private finished = false;
  /** A step had only choices that lead nowhere new. */
  private nothingNew = false;

  /**
   * @param failures - How many choices of a run may fall on something other than the first answer.
   * @param from - Where a search of the same program was left.
   */
  constructor(program: Program, maxSteps: number, failures: number = Infinity, from?: DporState) {
    super(program, maxSteps);
    this.failures = failures;
    if (from === undefined) return;
    this.recorder.know(from.tasks);
    for (const set of from.footprints) this.footprints.intern(set, set.length);
    this.nodes.push(...structuredClone(from.nodes as Node[]));
    this.infeasible = from.infeasible;
    this.spared = from.spared;
    this.finished = from.nodes.length === 0;
  }

  /** Between two runs. */
  state(): DporState {
    const { infeasible, spared } = this;
    const footprints = this.footprints.all();
    return { tasks: this.recorder.known(), footprints, nodes: structuredClone(this.nodes), infeasible, spared };
  }

  /** @returns the next run, or `undefined` when all have been made. */
  next(): SearchedRun | undefined {
    if (this.finished) return undefined;
    this.nothingNew = false;
    const end = this.runOnce();
    if (end === undefined || end.violation?.oracle === 'deadlock') this.raceBlocked();
    for (let step = 0; step < this.execution.length; step++) this.raceStep(step);
    this.finished = !this.backtrack();
    return { end, steps: this.execution.length };
  }

  /** What part of the search is done, from 0 to 1: a guess, since branches are found on the way. */
  progress(): number {
    if (this.finished) return 1;
    let done = 0;
    let share = 1;
    for (const { tried, branches } of this.nodes) {
      const all = tried + branches.length;
      done += (share * tried) / all;
      share /= all;
    }
    return done;
  }

  protected override select(at: number, enabled: number): number {
    const node = this.nodes[at] ?? this.arrive(at, enabled);
    return (node.branches[0] as Branch).task;
  }

  protected override fall(at: number, which: number, count: number, made: readonly number[]): number {
    const node = this.nodes[at];
    const branch = node.branches[0] as Branch;
    const told = branch.choices[which];
    if (told !== undefined) return told < count ? told : 0;
    for (let answer = 0; answer < count; answer++) {
      if (!isAsleep(node, branch.task, [...made, answer])) return answer;
    }
    this.nothingNew = true;
    return 0;
  }

  protected override stepped(at: number, choices: readonly number[], counts: readonly number[]): void {
    const node = this.nodes[at];
    const footprint = this.execution.footprint[at];
    const branch = node.branches[0] as Branch;
    if (node.footprint === footprint && same(branch.choices, choices)) return;
    if (node.footprint >= 0) throw new NonDeterminism(`the same ${at + 1} steps led to another one`);
    node.footprint = footprint;
    if (branch.given === 0) node.free |= 1 << branch.task;
    const expected = branch.footprint === footprint;
    branch.footprint = footprint;
    branch.certain = true;
    branch.choices = choices;
    let failures = 0;
    for (let before = 0; before < at; before++) failures += failuresIn(this.execution.choices[before]);
    for (let which = branch.given; which < choices.length; which++) {
      if (failures + failuresIn(choices.slice(0, which)) >= this.failures) {
        this.spared ||= counts[which] > 1;
        continue;
      }
      for (let other = 0; other < counts[which]; other++) {
        if (other !== choices[which]) this.tryOtherwise(node, [...choices.slice(0, which), other]);
      }
    }
    if (expected) return;
    const conflict: Sequence['conflict'] = (a, b) => this.footprints.conflict(a, b);
    for (const kept of branch.absorbed) this.plan(node, sequenceOf(kept, conflict));
  }

  /** Lets the step that is being tried be tried with other choices too, next. */
  private tryOtherwise(node: Node, choices: readonly number[]): void {
    const { task } = node.branches[0] as Branch;
    if (isAsleep(node, task, choices)) return;
    const known = node.branches.some((branch) => branch.task === task && same(branch.choices, choices));
    if (!known) node.branches.splice(1, 0, branchOf(task, choices));
  }

  /** A state that is new. */
  private arrive(depth: number, enabled: number): Node {
    if (this.nothingNew) throw new Cut();
    const node: Node = { enabled, asleep: [], tried: 0, free: 0, branches: [], footprint: -1 };
    const before = this.nodes[depth - 1];
    const last = depth === 0 ? -1 : this.execution.task[depth - 1];
    if (before !== undefined) {
      const { asleep, footprint } = before;
      for (const sleeper of asleep) {
        if (sleeper.task !== last && !this.footprints.conflict(sleeper.footprint, footprint)) node.asleep.push(sleeper);
      }
      const branch = before.branches[0] as Branch;
      node.branches = branch.kids;
      branch.kids = [];
    }
    let awake = enabled;
    for (const { task, choices } of node.asleep) if (choices.length === 0) awake &= ~(1 << task);
    while (node.branches.length > 0 && !this.canFollow(node, awake)) {
      node.branches.shift();
      this.infeasible++;
    }
    if (node.branches.length === 0) {
      if (awake === 0) throw new Cut();
      const task = last >= 0 && (awake & (1 << last)) !== 0 ? last : lowest(awake);
      node.branches.push(branchOf(task));
    }
    this.nodes.push(node);
    return node;
  }

  private canFollow(node: Node, awake: number): boolean {
    const { task, choices } = node.branches[0] as Branch;
    return (awake & (1 << task)) !== 0 && !isAsleep(node, task, choices);
  }

  /** What waits for a lock at the end of a run would have raced with its holder. */
  private raceBlocked(): void {
    let slot = 0;
    for (let task = 0; task < this.recorder.tasks; task++) {
      const handle = this.recorder.task(task);
      if (handle?.until === undefined || handle.until()) continue;
      const wanted = wantedLock(handle.at);
      if (wanted === undefined || this.execution.keepsFrom(task, wanted)) continue;
      const footprint = this.footprints.intern([handle.at], 1);
      this.raceStep(this.execution.appendBlocked(slot++, task, footprint, wanted));
    }
  }

  private raceStep(step: number): void {
    const found: number[] = [];
    this.execution.races(step, found);
    for (const earlier of found) this.reverse(earlier, step);
  }

  /** Lets a run be made in which `later` comes before `earlier`. */
  private reverse(earlier: number, later: number): void {
    const steps = this.sequence(earlier, later);
    if (steps === undefined) return;
    const { execution, footprints } = this;
    const node = this.nodes[earlier];
    const sequence: Sequence = {
      steps,
      task: (step) => execution.task[step],
      footprint: (step) => execution.footprint[step],
      isCertain: (step) => step !== later,
      choices: (step) => (step === later ? [] : execution.choices[step]),
      conflict: (a, b) => footprints.conflict(a, b),
      isBefore: (a, b) => this.isBefore(a, b, later),
    };
    this.plan(node, sequence);
  }

  /** Lets a sequence be tried at a state, unless what is tried or planned there leads to it. */
  private plan(node: Node, sequence: Sequence): void {
    const { steps } = sequence;
    for (const { task, choices, footprint } of node.asleep) {
      const at = steps.findIndex((step) => sequence.task(step) === task);
      if (at < 0) {
        if (choices.length === 0 && commutes(footprint, sequence)) return;
      } else if (this.covers(node, task, choices, sequence.choices(steps[at])) && isInitial(sequence, at, footprint))
        return;
    }
    if ((node.enabled & (1 << sequence.task(steps[0]))) === 0) {
      this.infeasible++;
      return;
    }
    insert(node.branches, sequence);
  }

  /** Whether what was tried since the branch was put there leads to all that is behind it. */
  private isCovered({ asleep }: Node, branch: Branch): boolean {
    const chain: Branch[] = [];
    for (let at: Branch | undefined = branch; at !== undefined; at = at.kids[0]) {
      if (at.kids.length > 1 || at.footprint < 0) return false;
      chain.push(at);
    }
    const meets =
      (footprint: number) =>
      (step: Branch): boolean =>
        this.footprints.conflict(step.footprint, footprint);
    return asleep.some(({ task, choices, footprint }) => {
      const at = chain.findIndex((step) => step.task === task);
      if (at < 0) return choices.length === 0 && !chain.some(meets(footprint));
      return same(choices, (chain[at] as Branch).choices) && !chain.slice(0, at).some(meets(footprint));
    });
  }

  /** Where a step was tried with all choices that it has, nothing of it is new. */
  private sleepWhole(node: Node, task: number): void {
    if ((node.free & (1 << task)) === 0 || node.branches.some((branch) => branch.task === task)) return;
    const footprints = node.asleep.filter((sleeper) => sleeper.task === task).map(({ footprint }) => footprint);
    const footprint = footprints.reduce((a, b) => this.footprints.union(a, b));
    node.asleep.push({ task, choices: [], footprint });
  }

  /** Whether a step that was tried stands for one that is wanted: its choices fell the same way, or were tried in every way. */
  private covers(node: Node, task: number, tried: readonly number[], wanted: readonly number[]): boolean {
    return tried.length === 0 || same(tried, wanted) || (node.free & (1 << task)) !== 0;
  }

  /**
   * The steps behind `earlier` that do not depend on it, and then `later`: without those that would keep `later` from the
   * lock that it takes. @returns `undefined` where something before keeps it from that.
   */
  private sequence(earlier: number, later: number): number[] | undefined {
    const { execution } = this;
    const steps: number[] = [];
    const chosen: number[] = [];
    for (let step = earlier + 1; step < execution.length; step++) {
      if (step === later || execution.before(earlier, step)) continue;
      // How choices behind `later` fall is left open: it is not made again when they are tried in other ways.
      if (step > later && execution.choices[step].length > 0) chosen.push(step);
      if (!chosen.some((choice) => execution.before(choice, step))) steps.push(step);
    }
    const wanted = execution.wanted[later];
    if (wanted === undefined) return [...steps, later];
    let kept = steps;
    for (;;) {
      const held = execution.holders(wanted, execution.task[later], earlier, new Set(kept));
      if (held.length === 0) return [...kept, later];
      if (held.some((step) => step < earlier)) {
        this.infeasible++;
        return undefined;
      }
      kept = kept.filter((step) => !held.some((begin) => execution.before(begin, step)));
    }
  }

  private isBefore(earlier: number, step: number, later: number): boolean {
    const { execution, footprints } = this;
    if (step !== later) return execution.before(earlier, step);
    return (
      execution.beforeBase(earlier, step) ||
      footprints.conflict(execution.footprint[earlier], execution.footprint[step])
    );
  }

  /** Goes to the last state where something is left to try. @returns whether there is one. */
  private backtrack(): boolean {
    for (let node = this.nodes.at(-1); node !== undefined; node = this.nodes.at(-1)) {
      const { task, choices } = node.branches.shift() as Branch;
      node.asleep.push({ task, choices, footprint: node.footprint });
      if (choices.length > 0) this.sleepWhole(node, task);
      node.footprint = -1;
      node.tried++;
      while (node.branches.length > 0 && this.isCovered(node, node.branches[0] as Branch)) node.branches.shift();
      if (node.branches.length > 0) return true;
      this.nodes.pop();
    }
    return false;
  }
}

/** The first answer is the one where nothing goes wrong. */
function failuresIn(choices: readonly number[]): number {
  return choices.reduce((count, answer) => count + (answer === 0 ? 0 : 1), 0);
}

function isAsleep({ asleep }: Node, task: number, choices: readonly number[]): boolean {
  return asleep.some((sleeper) => sleeper.task === task && same(sleeper.choices, choices));
}
