/**
 * A segment: a range of one process that others may get permits for.
 *
 * `lock` is a spinlock, and the innermost one: translations are made and dropped, and ptes of attachments made and zapped,
 * under it and nowhere else. It is what the sequence number of the watch is compared under.
 */
import { PAGE_SIZE, TASK_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, Routine, SharedState, SpinLock, WaitQueue } from '@mmu-notifier/plugin-api';
import type { AccessPermit } from './permit.ts';
import { PfnTable } from './pfn-table.ts';
import type { Holder, HomeSession } from './remote/home.ts';
import { recallHolders } from './remote/recall.ts';
import type { XpmemShared } from './shared.ts';
import type { ThreadGroup } from './thread-group.ts';
import { watchSegment } from './watch.ts';
import type { Watch } from './watch.ts';

export class Segment {
  readonly segid: number;
  readonly owner: ThreadGroup;
  readonly vaddr: number;
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  readonly lock: SpinLock;
  readonly table: PfnTable;
  /** What other nodes hold. */
  readonly holders: Map<HomeSession, Holder> = new Map();
  readonly permits: Set<AccessPermit> = new Set();
  /** Set before it is published. */
  watch: Watch | undefined;
  private readonly state: SharedState;
  private going = false;
  private underWay = 0;
  readonly quiet: WaitQueue;

  constructor(
    shared: XpmemShared,
    owner: ThreadGroup,
    segid: number,
    { vaddr, size, mode }: { readonly vaddr: number; readonly size: number; readonly mode: number },
  ) {
    this.state = shared.state;
    this.segid = segid;
    this.owner = owner;
    this.vaddr = vaddr;
    this.size = size;
    this.mode = mode;
    this.lock = shared.host.sync.spinLock('xpmem segment.lock');
    this.table = new PfnTable(shared, owner.mm);
    this.quiet = shared.host.sync.waitQueue(`xpmem faults of segment ${segid}`);
  }

  /** DESTROYING: no fault succeeds any more. */
  get destroying(): boolean {
    this.state.reads();
    return this.going;
  }

  set destroying(destroying: boolean) {
    this.state.changes();
    this.going = destroying;
  }

  /** Faults under way; removal waits for them. */
  get faults(): number {
    this.state.reads();
    return this.underWay;
  }

  set faults(faults: number) {
    this.state.changes();
    this.underWay = faults;
  }

  get end(): number {
    return this.vaddr + this.size;
  }
}

/**
 * `xpmem_make`. `all` is everything from `vaddr` on; there may be holes, which fault when they are reached.
 *
 * @locks None. @sleeps May. Errors: `EINVAL`, `EBUSY` (ids used up), `ENOENT` (the group is going), those of registering.
 */
export function* makeSegment(
  shared: XpmemShared,
  owner: ThreadGroup,
  vaddr: number,
  length: number | 'all',
  mode: number,
): Routine<Segment | Errno> {
  const size = length === 'all' ? TASK_SIZE - vaddr : length;
  if (!isPageRange(vaddr, size) || !Number.isInteger(mode) || mode < 0 || mode > 0o777) return 'EINVAL';
  if (owner.destroying) return 'ENOENT';
  const segid = owner.segids.next();
  if (isErrno(segid)) return segid;
  const segment = new Segment(shared, owner, segid, { vaddr, size, mode });
  const watch = yield* watchSegment(shared, segment);
  if (isErrno(watch)) return watch;
  segment.watch = watch;
  if (owner.destroying) {
    yield* watch.end();
    return 'ENOENT';
  }
  shared.state.changes();
  owner.segments.add(segment);
  shared.segments.set(segid, segment);
  shared.stats.segments_made();
  return segment;
}

/**
 * `xpmem_remove`: revokes what was attached; the windows stay, and fault.
 *
 * @locks None that a callback takes. @sleeps Until no fault works on it.
 */
export function* removeSegment(shared: XpmemShared, segment: Segment): Routine<void> {
  shared.state.changes();
  if (!shared.segments.delete(segment.segid)) return;
  yield* revoke(shared, segment);
  // Only here: the end of the address space revokes what is in the list, and nobody reaches it when that has returned.
  shared.state.changes();
  segment.owner.segments.delete(segment);
  yield* segment.quiet.waitUntil(() => segment.faults === 0);
  for (const { session } of segment.holders.values()) session.holders.delete(segment.segid);
  segment.holders.clear();
  yield* segment.watch?.end() ?? nothing();
  shared.stats.segments_removed();
}

/** Nobody reaches anything of it, here or on another node. @locks Takes segment.lock. @sleeps May. */
export function* revoke(shared: XpmemShared, segment: Segment): Routine<void> {
  segment.destroying = true;
  segment.owner.fork.wake();
  yield* unmapSegment(shared, segment);
}

/** Every translation of it goes, here and on other nodes. @locks Takes segment.lock. @sleeps May. */
export function* unmapSegment(shared: XpmemShared, segment: Segment): Routine<void> {
  yield* segment.lock.acquire();
  yield* segment.table.drop(segment.vaddr, segment.end);
  segment.lock.release();
  yield* recallHolders(shared, segment, segment.vaddr, segment.end);
}

export function isPageRange(vaddr: number, size: number): boolean {
  const pages = Number.isInteger(vaddr) && vaddr >= 0 && vaddr % PAGE_SIZE === 0 && size % PAGE_SIZE === 0;
  return pages && size > 0 && vaddr + size <= TASK_SIZE;
}

function* nothing(): Routine<void> {}
