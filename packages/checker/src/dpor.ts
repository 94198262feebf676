/**
 * Optimal dynamic partial-order reduction (Abdulla, Aronis, Jonsson, Sagonas, JACM 2017): of all interleavings that
 * differ only in the order of steps that commute, one is run. Each run shows races; for each race the sequence that
 * turns it round is put into the wakeup tree of the state before it, unless a task that sleeps there leads to it.
 *
 * What a step touches is known when it was made, and only then. So a sleeping task carries what its step touched, and the
 * step that a reversed race ends in counts with what it touched where it came later. Where that is wrong, the race shows
 * again in the run that follows.
 */
import { wantedLock } from './execution.ts';
import type { RunEnd } from './program.ts';
import { Cut, MAX_TASKS } from './recorder.ts';
import { Stepper, lowest, tasksOf } from './stepper.ts';
import { type Branch, type Sequence, commutes, insert, same } from './wakeup-tree.ts';

/** A state on the way of the run: what was tried there, what is to be tried. */
interface Node {
  enabled: number;
  /** Tasks whose step from here is known to lead nowhere new, and what it touches. */
  sleep: number;
  done: number;
  readonly touched: Int32Array;
  branches: Branch[];
  /** What the step that is being tried touched; -1 before it was made. */
  footprint: number;
  /** The same step with other choices, which is done. */
  variants: Branch[];
}

/** The end of one run of a search. */
export interface SearchedRun {
  /** Absent where the run was given up because nothing new lay ahead. */
  readonly end: RunEnd | undefined;
  readonly steps: number;
}

export class Dpor extends Stepper {
  /** Sequences that could not be followed. */
  infeasible = 0;
  private readonly nodes: Node[] = [];
  private finished = false;

  /** @returns the next run, or `undefined` when all have been made. */
  next(): SearchedRun | undefined {
    if (this.finished) return undefined;
    const fresh = Math.max(0, this.nodes.length - 1);
    const end = this.runOnce();
    if (end === undefined || end.violation?.oracle === 'deadlock') this.raceBlocked();
    for (let step = fresh; step < this.execution.length; step++) this.raceStep(step);
    this.finished = !this.backtrack();
    return { end, steps: this.execution.length };
  }

  protected override select(at: number, enabled: number): number {
    const node = this.nodes[at] ?? this.arrive(at, enabled);
    return (node.branches[0] as Branch).task;
  }

  protected override fall(at: number, which: number, count: number): number {
    const given = this.nodes[at]?.branches[0]?.choices[which] ?? 0;
    return given < count ? given : 0;
  }

  protected override stepped(at: number, choices: readonly number[], counts: readonly number[]): void {
    const node = this.nodes[at];
    const { task, footprint } = this.execution;
    const branch = node.branches[0] as Branch;
    if (node.footprint === footprint[at] && same(branch.choices, choices)) return;
    if (node.footprint >= 0) throw new Error(`${this.program.name}: the same schedule gave another run`);
    const touched = node.touched[task[at]];
    node.footprint = footprint[at];
    branch.footprint = footprint[at];
    branch.choices = choices;
    node.touched[task[at]] = touched < 0 ? footprint[at] : this.footprints.union(touched, footprint[at]);
    for (let which = 0; which < choices.length; which++) {
      for (let other = 0; other < counts[which]; other++) {
        if (other !== choices[which]) this.tryOtherwise(node, [...choices.slice(0, which), other]);
      }
    }
  }

  /** Lets the step that is being tried be tried with other choices too, next. */
  private tryOtherwise(node: Node, choices: readonly number[]): void {
    const { task } = node.branches[0] as Branch;
    if (node.variants.some((variant) => agree(variant.choices, choices))) return;
    const at = node.branches.findIndex((branch) => branch.task === task && agree(branch.choices, choices));
    const branch = at < 0 ? { task, footprint: -1, choices, kids: [] } : node.branches.splice(at, 1)[0];
    node.branches.splice(1, 0, branch as Branch);
  }

  /** A state that is new. */
  private arrive(depth: number, enabled: number): Node {
    const node: Node = {
      enabled,
      sleep: 0,
      done: 0,
      touched: new Int32Array(MAX_TASKS).fill(-1),
      branches: [],
      footprint: -1,
      variants: [],
    };
    const before = this.nodes[depth - 1];
    if (before !== undefined) {
      for (const task of tasksOf(before.sleep | before.done)) {
        if (this.footprints.conflict(before.touched[task], before.footprint)) continue;
        node.sleep |= 1 << task;
        node.touched[task] = before.touched[task];
      }
      const branch = before.branches[0] as Branch;
      node.branches = branch.kids;
      branch.kids = [];
    }
    const awake = enabled & ~node.sleep;
    while (node.branches.length > 0 && (awake & (1 << (node.branches[0] as Branch).task)) === 0) {
      node.branches.shift();
      this.infeasible++;
    }
    if (node.branches.length === 0) {
      if (awake === 0) throw new Cut();
      const last = depth === 0 ? -1 : this.execution.task[depth - 1];
      const task = last >= 0 && (awake & (1 << last)) !== 0 ? last : lowest(awake);
      node.branches.push({ task, footprint: -1, choices: [], kids: [] });
    }
    this.wake(node, (node.branches[0] as Branch).task);
    this.nodes.push(node);
    return node;
  }

  /** The step of `task` is made: what it touched elsewhere counts no more. */
  private wake(node: Node, task: number): void {
    node.touched[task] = -1;
    node.footprint = -1;
    node.variants = [];
  }

  /** What waits for a lock at the end of a run would have raced with its holder. */
  private raceBlocked(): void {
    let slot = 0;
    for (let task = 0; task < this.recorder.tasks; task++) {
      const handle = this.recorder.task(task);
      if (handle?.until === undefined || handle.until()) continue;
      const wanted = wantedLock(handle.at);
      if (wanted === undefined) continue;
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
      choices: (step) => this.nodes[step]?.branches[0]?.choices ?? [],
      conflict: (a, b) => footprints.conflict(a, b),
      isInitial: (at, footprint) => this.isInitial(steps, at, later, footprint),
    };
    for (const task of tasksOf(node.sleep | node.done)) {
      const at = steps.findIndex((step) => execution.task[step] === task);
      const touched = node.touched[task];
      if (at < 0 ? commutes(touched, sequence) : sequence.isInitial(at, touched)) return;
    }
    for (const { task, choices, footprint } of node.variants) {
      const at = steps.findIndex((step) => execution.task[step] === task);
      if (at >= 0 && same(choices, sequence.choices(steps[at])) && sequence.isInitial(at, footprint)) return;
    }
    if ((node.enabled & (1 << execution.task[steps[0]])) === 0) {
      this.infeasible++;
      return;
    }
    insert(node.branches, sequence);
  }

  /**
   * The steps behind `earlier` that do not depend on it, and then `later`: without those that would keep `later` from the
   * lock that it takes. @returns `undefined` where something before keeps it from that.
   */
  private sequence(earlier: number, later: number): number[] | undefined {
    const { execution } = this;
    const steps: number[] = [];
    for (let step = earlier + 1; step < execution.length; step++) {
      if (step !== later && !execution.before(earlier, step)) steps.push(step);
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

  /** @param touched - What the step at `at` touches where it comes first; -1 where that is not known. */
  private isInitial(steps: readonly number[], at: number, later: number, touched: number): boolean {
    const { execution, footprints } = this;
    const step = steps[at];
    for (let i = 0; i < at; i++) {
      const earlier = steps[i];
      if (touched >= 0 && footprints.conflict(execution.footprint[earlier], touched)) return false;
      const ordered =
        step === later
          ? execution.beforeBase(earlier, step) ||
            footprints.conflict(execution.footprint[earlier], execution.footprint[step])
          : execution.before(earlier, step);
      if (ordered) return false;
    }
    return true;
  }

  /** Goes to the last state where something is left to try. @returns whether there is one. */
  private backtrack(): boolean {
    for (let node = this.nodes.at(-1); node !== undefined; node = this.nodes.at(-1)) {
      const tried = node.branches.shift() as Branch;
      const next = node.branches[0];
      if (next?.task === tried.task) {
        node.variants.push(tried);
        node.footprint = -1;
        return true;
      }
      node.done |= 1 << tried.task;
      if (next !== undefined) {
        this.wake(node, next.task);
        return true;
      }
      this.nodes.pop();
    }
    return false;
  }
}

/** Whether choices fall the same way, as far as both are given. */
function agree(a: readonly number[], b: readonly number[]): boolean {
  const length = Math.min(a.length, b.length);
  return same(a.slice(0, length), b.slice(0, length));
}
