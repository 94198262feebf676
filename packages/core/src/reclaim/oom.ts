/**
 * The OOM killer: when reclaim has nothing left to give, one process dies so that the others go on. It takes the one
 * whose death gives back most, waits until its memory has come, and never kills a second one meanwhile. Mirrors
 * `mm/oom_kill.c`.
 *
 * A victim is marked first; from then on its allocations may use the reserve, its faults fail, and its tasks are sent
 * home with SIGKILL. Its exit runs on a task of its own, and the reaper stands behind it, should the exit get stuck.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import type { Shortage } from '../memory/page-allocator.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import type { KilledBy, TaskOwner } from '../sched/task.ts';
import { WaitQueue } from '../sched/wait-queue.ts';
import { reapLater } from './oom-reaper.ts';

/** A process, as far as its killer must know it. */
export interface OomCandidate extends TaskOwner {
  readonly mm: MmStruct | undefined;
  /** Its tasks that are inside a call or a fault. */
  readonly inFlight: { kill(by: KilledBy): void };
}

/** Where processes come from: a higher room. */
export interface OomProcesses {
  all(): Iterable<OomCandidate>;
  /** @sleeps May. */
  exit(process: OomCandidate): Routine<void>;
}

export class OomKiller {
  processes: OomProcesses | undefined;
  /** Names of those that were killed, in order. */
  readonly killed: string[] = [];
  /** A victim's memory that is still to come: nobody else is killed meanwhile. */
  private dying: MmStruct | undefined;
  private readonly progress: WaitQueue;

  constructor(scheduler: Scheduler) {
    this.progress = new WaitQueue(scheduler, 'the end of an OOM victim');
  }

  /**
   * `out_of_memory`, called by an allocation that found nothing to reclaim.
   *
   * @locks Whatever the allocation is allowed to hold; none that an exit needs but the mmapLock of the caller's own mm.
   * @sleeps Until the victim's memory has come back.
   * @returns whether it is worth trying again: not for the victim itself, and not when nobody can be killed.
   */
  *makeRoom(kernel: Kernel, shortage: Shortage): Routine<boolean> {
    const task = kernel.scheduler.current;
    if (task.oomVictim) return false;
    // Another task's victim may have died since we found nothing.
    const { zone, cgroup } = kernel.allocator;
    zone.drain();
    if (shortage === 'cgroup' ? cgroup?.full === false : zone.freeFrames > zone.watermarks.high) return true;
    const mm = this.dying ?? this.killWorst(kernel);
    // Nobody is left, or the caller itself has been chosen.
    if (mm === undefined || task.oomVictim) return false;
    yield* this.progress.waitUntil(() => mm.oomSkip === 'done');
    return true;
  }

  /**
   * SIGKILL, and the mark of a victim; for whoever shares its address space too, since no memory comes back while one of
   * them lives in it. The exits are on their way when this returns. `__oom_kill_process`
   */
  kill(kernel: Kernel, victim: OomCandidate): void {
    const { mm } = victim;
    kernel.stats.oom['kills']++;
    this.killOne(kernel, victim);
    for (const process of this.processes?.all() ?? [])
      if (mm !== undefined && process.mm === mm && !process.killed) this.killOne(kernel, process);
  }

  /** Nothing more will come of this mm: it is torn down, or the reaper is through with it. */
  finished(mm: MmStruct): void {
    mm.oomSkip = 'done';
    if (this.dying === mm) this.dying = undefined;
    this.progress.wakeAll();
  }

  private killOne(kernel: Kernel, victim: OomCandidate): void {
    victim.killed = true;
    victim.inFlight.kill('OOM');
    this.killed.push(victim.name);
    if (this.processes !== undefined)
      kernel.scheduler.spawn(`exit of ${victim.name}`, this.processes.exit(victim), victim);
  }

  private killWorst(kernel: Kernel): MmStruct | undefined {
    const victim = this.choose();
    const mm = victim?.mm;
    if (victim === undefined || mm === undefined) return undefined;
    this.dying = mm;
    this.kill(kernel, victim);
    reapLater(kernel, victim.name, mm);
    return mm;
  }

  /** `select_bad_process`: the worst one; of equals the one that came first. */
  private choose(): OomCandidate | undefined {
    let worst: OomCandidate | undefined;
    let most = 0;
    for (const process of this.processes?.all() ?? []) {
      const points = process.killed || process.mm === undefined ? 0 : badness(process.mm);
      if (points > most) [worst, most] = [process, points];
    }
    return worst;
  }
}

/** `oom_badness`: resident pages, swapped ones, and page tables. */
export function badness({ rss, tablePages }: MmStruct): number {
  return rss.anon + rss.file + rss.shmem + rss.swap + tablePages;
}
