/**
 * Windows at the interval part of a chain. Nodes may answer in two passes, so that several devices wait for their
 * hardware at the same time: every start runs, then every finish. Mirrors `mn_itree_invalidate`.
 */
import type { IntervalFinish, Routine } from '@mmu-notifier/plugin-api';
import { hex } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { PointKind, point } from '../sched/preemption-point.ts';
import type { IntervalNode, IntervalSubscriptions } from './intervals.ts';
import type { NotifierWindow } from './subscriptions.ts';

/** A node whose start has returned, and what it left to finish. */
interface Started {
  readonly node: IntervalNode;
  readonly finish: IntervalFinish | undefined;
}

/** @returns `EAGAIN` when a hook of a window that must not block refused; then the window is closed here again. */
export function* startIntervals(
  kernel: Kernel,
  intervals: IntervalSubscriptions,
  window: NotifierWindow,
): Routine<'done' | 'EAGAIN'> {
  const { scheduler } = kernel;
  if (scheduler.preemptive) yield point(PointKind.Atomic, intervals.changed.id);
  const nodes = intervals.open(window.start, window.end);
  const { seq } = intervals;
  const started: Started[] = [];
  for (const node of nodes) {
    if (scheduler.preemptive) yield point(PointKind.CallbackStart, window.mm.id);
    kernel.stats.notifier['intervalStarts']++;
    const answer = yield* callHook(kernel, node, window, seq);
    if (answer === false) break;
    started.push({ node, finish: answer === true ? undefined : answer });
  }
  for (const { node, finish } of started) {
    if (finish !== undefined && node.ops.invalidateFinish) yield* node.ops.invalidateFinish(finish);
    window.told.push({
      owner: node.owner,
      start: Math.max(node.start, window.start),
      end: Math.min(node.end, window.end),
    });
    kernel.observer?.intervalTold(node, window, seq);
  }
  if (started.length === nodes.length) return 'done';
  yield* endIntervals(kernel, intervals);
  return 'EAGAIN';
}

/** @returns false when it refused. */
function* callHook(
  kernel: Kernel,
  node: IntervalNode,
  window: NotifierWindow,
  seq: number,
): Routine<boolean | IntervalFinish> {
  const task = kernel.scheduler.current;
  const outer = task.invalidating;
  task.invalidating = window;
  const { ops, owner } = node;
  kernel.tracer?.invalidationBegan?.(owner, window.mm.id, window.start, window.end, window.event);
  const answer = ops.invalidateStart
    ? yield* ops.invalidateStart(node, window, seq)
    : ops.invalidate
      ? yield* ops.invalidate(node, window, seq)
      : true;
  kernel.tracer?.invalidationEnded?.(owner);
  task.invalidating = outer;
  if (answer === false && window.blockable) {
    kernel.scheduler.fail(
      'refused-blockable',
      `${owner} refuses a blockable invalidation of ${hex(window.start)} (interval)`,
    );
  }
  return answer;
}

/** Half of the window's end; wakes who waits in `readBegin` and `remove`. */
export function* endIntervals(kernel: Kernel, intervals: IntervalSubscriptions): Routine<void> {
  if (kernel.scheduler.preemptive) yield point(PointKind.Atomic, intervals.changed.id);
  intervals.close();
}
