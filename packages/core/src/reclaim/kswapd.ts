/**
 * Background reclaim: woken at the low watermark, it works until free memory is at the high one and sleeps again. Its
 * thread exists while it works, so that a machine at rest has nothing to run. Mirrors `kswapd` and `balance_pgdat`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../sched/task.ts';
import { shrinkNode } from './reclaim.ts';
import { FIRST_PRIORITY, SCAN_BATCH, scanControl } from './scan-control.ts';

/** Runs in vain after which it leaves the work to direct reclaim, until that frees something. `MAX_RECLAIM_RETRIES` */
const HOPELESS = 16;

export class Kswapd {
  wakes = 0;
  /** Runs in a row that freed nothing. */
  failures = 0;
  private readonly kernelOf: () => Kernel;
  private task: Task | undefined;

  constructor(kernelOf: () => Kernel) {
    this.kernelOf = kernelOf;
  }

  get running(): boolean {
    return this.task !== undefined && !this.task.done;
  }

  wake(): void {
    if (this.running || this.failures >= HOPELESS) return;
    const { scheduler } = this.kernelOf();
    this.wakes++;
    this.task ??= scheduler.createTask('kswapd', undefined, 0, 'daemon');
    this.task.reclaimDepth = 1;
    scheduler.restart(this.task, this.balance());
  }

  /** Lets it come to its end. Others run too, where a strategy has its way. */
  settle(): void {
    if (this.task !== undefined && this.running) this.kernelOf().scheduler.finish(this.task);
  }

  /** @sleeps May. */
  private *balance(): Routine<void> {
    const kernel = this.kernelOf();
    const { zone } = kernel.allocator;
    const { high } = zone.watermarks;
    const { lru, tracer, lockdep } = kernel;
    const control = scanControl('kswapd', Math.max(high, SCAN_BATCH));
    lockdep.enterReclaim();
    tracer?.reclaimBegan?.(control.target);
    let total = 0;
    for (control.priority = FIRST_PRIORITY; control.priority > 0;) {
      zone.drain();
      if (zone.freeFrames >= high) break;
      control.freed = 0;
      control.scanned = 0;
      yield* shrinkNode(kernel, control);
      total += control.freed;
      // The pressure rises unless a pass did its share.
      if (control.scanned < control.target || control.freed === 0) control.priority--;
    }
    for (const lruvec of lru.all) lruvec.seeActivations();
    tracer?.reclaimEnded?.(total);
    lockdep.leaveReclaim();
    this.failures = total > 0 ? 0 : this.failures + 1;
  }
}
