/**
 * The interval part of one mm's chain: ranges that drivers watch, and the sequence number by which a fault finds out
 * that an invalidation came between its snapshot and its commit. Mirrors `mmu_interval_notifier` of Linux 5.5 and later.
 *
 *     active  seq    tree     meaning
 *     0       even   mutable  idle
 *     > 0     even   mutable  windows are open, none hits a node
 *     > 0     odd    frozen   some window hits a node; inserts and removes are deferred
 *     0       odd             never
 *
 * The number is odd from the first window that hits a node until the *last* window of the mm closes, hit or not. A hook
 * stores it in its node; so a node's own number equals the core's exactly while a window that hit it may be open.
 *
 * Every method is one atomic step: what Linux does under `subscriptions->lock`.
 */
import type { IntervalOps, IntervalSubscription, VirtualAddress } from '@mmu-notifier/plugin-api';
import { assert } from '../contract.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { IntervalTree } from '../rmap/interval-tree.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { WaitQueue } from '../sched/wait-queue.ts';

/** One range that a driver watches. It holds one `count` of the mm. */
export class IntervalNode implements IntervalSubscription {
  readonly mm: MmStruct;
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
  readonly ops: IntervalOps;
  /** A device's name. */
  readonly owner: string;
  /** What `setSeq` was told last. */
  seq = 0;
  state: 'live' | 'removing' | 'gone' = 'live';

  constructor(mm: MmStruct, start: number, end: number, ops: IntervalOps, owner: string) {
    this.mm = mm;
    this.start = start as VirtualAddress;
    this.end = end as VirtualAddress;
    this.ops = ops;
    this.owner = owner;
  }
}

export class IntervalSubscriptions {
  /** Starts even, so that the first node's own number, one less, is odd and equals no live one. */
  seq = 2;
  /** Open windows of the mm, hit or not. */
  active = 0;
  readonly tree: IntervalTree<IntervalNode> = new IntervalTree();
  /** Nodes that are inserted (not in the tree yet) or removed (still in it) when the tree thaws. */
  deferred: IntervalNode[] = [];
  /** Those who wait for `seq` to change. */
  readonly changed: WaitQueue;

  constructor(scheduler: Scheduler, mm: MmStruct) {
    this.changed = new WaitQueue(scheduler, `invalidate_seq of mm ${mm.id}`);
  }

  /** Whether a window that is open has hit a node. */
  get frozen(): boolean {
    return this.active > 0 && this.seq % 2 === 1;
  }

  /** A window opens. @returns the nodes that it hits; the tree is frozen when there are any. */
  open(start: number, end: number): IntervalNode[] {
    this.active++;
    const hit = this.tree.overlapping(start, end - 1);
    if (hit.length > 0 && this.seq % 2 === 0) this.seq++;
    return hit;
  }

  close(): void {
    assert(this.active > 0, 'a window of the interval tree closes that was opened', this.active);
    this.active--;
    if (this.active > 0 || this.seq % 2 === 0) return;
    this.seq++;
    for (const node of this.deferred.splice(0)) {
      if (this.tree.has(node)) this.tree.remove(node);
      else this.plant(node);
    }
    this.changed.wakeAll();
  }

  /** The list part of the window that was opened last refused: this part is closed again. */
  unwind(): void {
    this.close();
  }

  insert(node: IntervalNode): void {
    if (this.frozen) {
      this.deferred.push(node);
      node.seq = this.seq;
      return;
    }
    this.plant(node);
    if (this.active === 0) {
      node.seq = this.seq - 1;
      return;
    }
    // Windows are open that this node was not told of: it counts as hit.
    this.seq++;
    node.seq = this.seq;
  }

  /** @returns whether the node is gone; if not, it goes when `seq` changes. */
  remove(node: IntervalNode): 'gone' | 'deferred' {
    if (!this.frozen) {
      this.tree.remove(node);
      return 'gone';
    }
    if (this.tree.has(node)) {
      this.deferred.push(node);
      return 'deferred';
    }
    this.deferred.splice(this.deferred.indexOf(node), 1);
    return 'gone';
  }

  private plant(node: IntervalNode): void {
    this.tree.insert(node, node.start, node.end - 1);
  }
}
