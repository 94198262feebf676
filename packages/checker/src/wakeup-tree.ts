/** What is still to be tried at a state: sequences of steps, as a tree whose branches are in the order of their trial. */

/** One step of a sequence, and those that may follow it. */
export interface Branch {
  readonly task: number;
  /** What the step touched where it was seen; -1 where it was not. */
  footprint: number;
  /** Whether it touches the same here: it is not the step of a race that now comes first. */
  certain: boolean;
  /** How its choices fall: those that are given, and when the step was made all. */
  choices: readonly number[];
  /** How many of them are given. None: the step is tried with whatever choices it has. */
  readonly given: number;
  kids: Branch[];
  /**
   * Sequences that were taken to be covered by it before it was made: where it touches something else than was expected,
   * they are looked at again.
   */
  readonly absorbed: KeptStep[][];
}

/** One step of a sequence as plain data. */
export interface KeptStep {
  readonly task: number;
  readonly footprint: number;
  readonly choices: readonly number[];
  readonly certain: boolean;
  /** Whether it comes behind each of those before it. */
  readonly behind: readonly boolean[];
}

/** The steps of a sequence that is inserted, and what the tree must know of them. */
export interface Sequence {
  /** Steps, by their numbers in the run. */
  readonly steps: number[];
  task(step: number): number;
  footprint(step: number): number;
  /** Whether the step touches here what it touched where it was seen. */
  isCertain(step: number): boolean;
  /** None for a step that comes sooner than where it was seen: who knows what it has to choose there. */
  choices(step: number): readonly number[];
  conflict(footprint: number, other: number): boolean;
  /** Whether the first must be made before the second, where the sequence has them in this order. */
  isBefore(earlier: number, later: number): boolean;
}

/**
 * Adds a sequence, unless one that is there leads to it. Takes apart `sequence.steps`.
 *
 * @returns whether a branch was added.
 */
export function insert(branches: Branch[], sequence: Sequence): boolean {
  const { steps } = sequence;
  let level = branches;
  for (;;) {
    const next = level.find((branch) => leadsOn(branch, sequence));
    if (next === undefined) break;
    if (next.kids.length === 0 || steps.length === 0) return false;
    level = next.kids;
  }
  for (const step of steps) {
    const branch = branchOf(sequence.task(step), sequence.choices(step), sequence.footprint(step));
    branch.certain = sequence.isCertain(step);
    level.push(branch);
    level = branch.kids;
  }
  return true;
}

/** A step to be tried. */
export function branchOf(task: number, choices: readonly number[] = [], footprint = -1): Branch {
  return { task, footprint, certain: false, choices, given: choices.length, kids: [], absorbed: [] };
}

/** Whether the sequence can be made by the branch's step first; if it has that step, it is taken out. */
function leadsOn(branch: Branch, sequence: Sequence): boolean {
  const { steps } = sequence;
  const at = steps.findIndex((step) => sequence.task(step) === branch.task);
  if (at < 0) {
    if (branch.choices.length > 0 || branch.footprint < 0 || !commutes(branch.footprint, sequence)) return false;
    if (!branch.certain) branch.absorbed.push(kept(sequence));
    return true;
  }
  const covered = branch.given === 0 || same(branch.choices, sequence.choices(steps[at]));
  if (!covered || !isInitial(sequence, at, branch.footprint)) return false;
  if (at > 0 && !branch.certain) branch.absorbed.push(kept(sequence));
  steps.splice(at, 1);
  return true;
}

/** What is left of a sequence when the run that it is of is gone. */
function kept(sequence: Sequence): KeptStep[] {
  return sequence.steps.map((step, at) => ({
    task: sequence.task(step),
    footprint: sequence.footprint(step),
    choices: sequence.choices(step),
    certain: sequence.isCertain(step),
    behind: sequence.steps.slice(0, at).map((earlier) => sequence.isBefore(earlier, step)),
  }));
}

/** The sequence again. */
export function sequenceOf(items: readonly KeptStep[], conflict: Sequence['conflict']): Sequence {
  return {
    steps: items.map((_, at) => at),
    task: (step) => items[step].task,
    footprint: (step) => items[step].footprint,
    choices: (step) => items[step].choices,
    isCertain: (step) => items[step].certain,
    conflict,
    isBefore: (earlier, later) => items[later].behind[earlier],
  };
}

/** Whether nothing before position `at` must happen before the step there, or before what it touches if it comes first. */
export function isInitial({ steps, isBefore, conflict, footprint }: Sequence, at: number, touched: number): boolean {
  for (let i = 0; i < at; i++) {
    if (isBefore(steps[i], steps[at]) || (touched >= 0 && conflict(footprint(steps[i]), touched))) return false;
  }
  return true;
}

/** Whether a step commutes with all of the sequence. */
export function commutes(footprint: number, sequence: Sequence): boolean {
  return sequence.steps.every((step) => !sequence.conflict(footprint, sequence.footprint(step)));
}

export function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at]);
}
