/**
 * anon_vma and its chains: from an anonymous page to every VMA that may map it. A page names the anon_vma of the
 * process that made it; a fork links the child's VMA to every anon_vma of the parent's and gives it one of its own, so
 * that pages made later are looked for in one process only. The root's lock guards the trees of a whole family.
 *
 * Mirrors `mm/rmap.c`: `__anon_vma_prepare`, `anon_vma_clone`, `anon_vma_fork`, `unlink_anon_vmas`.
 */
import type { Lockdep } from '../locking/lockdep.ts';
import { LockClasses } from '../locking/lock-order.ts';
import { RwSemaphore } from '../locking/rw-semaphore.ts';
import type { Scheduler } from '../sched/scheduler.ts';
import { IntervalTree } from './interval-tree.ts';

/** What the reverse map needs of a VMA. */
export interface RmapVma {
  readonly start: number;
  readonly end: number;
  readonly pgoff: number;
  anonVma: AnonVma | undefined;
  readonly anonVmaChain: AnonVmaChain[];
}

/** One link between a VMA and an anon_vma. */
export interface AnonVmaChain {
  readonly vma: RmapVma;
  readonly anonVma: AnonVma;
}

export class AnonVma {
  readonly id: number;
  readonly root: AnonVma;
  readonly parent: AnonVma | undefined;
  /** VMAs of the family that may map its pages. */
  readonly tree: IntervalTree<AnonVmaChain> = new IntervalTree();
  children = 0;
  /** VMAs whose own anon_vma this is. */
  activeVmas = 0;
  /** Set while `mm_take_all_locks` holds the root's lock. */
  allLocksMark = false;
  private readonly ownLock: RwSemaphore | undefined;

  constructor(id: number, scheduler: Scheduler, lockdep: Lockdep, sleeps: 'may' | 'never', parent?: AnonVma) {
    this.id = id;
    this.parent = parent;
    this.root = parent?.root ?? this;
    if (parent === undefined) {
      this.ownLock = new RwSemaphore(scheduler, lockdep, LockClasses.anonVma, `anon_vma ${id}`, sleeps);
    } else {
      parent.children++;
    }
  }

  /** The root's lock: taken for reading by rmap walks, for writing by whoever changes a tree of the family. */
  get lock(): RwSemaphore {
    return this.root.ownLock as RwSemaphore;
  }
}

export class AnonVmas {
  private readonly scheduler: Scheduler;
  private readonly lockdep: Lockdep;
  private readonly sleeps: 'may' | 'never';
  private readonly byId = new Map<number, AnonVma>();
  private nextId = 1;

  /** @param sleeps - Whether the locks of the families may be slept under. */
  constructor(scheduler: Scheduler, lockdep: Lockdep, sleeps: 'may' | 'never' = 'may') {
    this.scheduler = scheduler;
    this.lockdep = lockdep;
    this.sleeps = sleeps;
  }

  get(id: number): AnonVma | undefined {
    return this.byId.get(id);
  }

  get count(): number {
    return this.byId.size;
  }

  create(parent?: AnonVma): AnonVma {
    const anonVma = new AnonVma(this.nextId++, this.scheduler, this.lockdep, this.sleeps, parent);
    this.byId.set(anonVma.id, anonVma);
    return anonVma;
  }

  /** @locks The root's lock for writing, unless the VMA is not visible to anybody yet. */
  link(vma: RmapVma, anonVma: AnonVma): void {
    const chain: AnonVmaChain = { vma, anonVma };
    vma.anonVmaChain.push(chain);
    anonVma.tree.insert(chain, vma.pgoff, lastIndex(vma));
  }

  /** Links `to` wherever `from` is: the parts of a split, the copy of a moved VMA, the child of a fork. */
  clone(to: RmapVma, from: RmapVma): void {
    for (const { anonVma } of from.anonVmaChain) {
      this.link(to, anonVma);
    }
    if (from.anonVma !== undefined && to.anonVma === from.anonVma) from.anonVma.activeVmas++;
  }

  /** @locks The root's lock for writing. */
  unlink(vma: RmapVma): void {
    if (vma.anonVma !== undefined) vma.anonVma.activeVmas--;
    vma.anonVma = undefined;
    for (const chain of vma.anonVmaChain.splice(0)) {
      chain.anonVma.tree.remove(chain);
      this.drop(chain.anonVma);
    }
  }

  /** Around a change of the VMA's bounds: takes it out of every tree; the result puts it back. */
  withdraw(vma: RmapVma): () => void {
    for (const chain of vma.anonVmaChain) chain.anonVma.tree.remove(chain);
    return () => {
      for (const chain of vma.anonVmaChain) chain.anonVma.tree.insert(chain, vma.pgoff, lastIndex(vma));
    };
  }

  /** Forgets an anon_vma that has no VMAs and no children: it maps nothing. */
  drop(anonVma: AnonVma): void {
    if (anonVma.tree.size > 0 || anonVma.children > 0 || !this.byId.delete(anonVma.id)) return;
    if (anonVma.parent !== undefined) {
      anonVma.parent.children--;
      this.drop(anonVma.parent);
    }
  }
}

function lastIndex(vma: RmapVma): number {
  return vma.pgoff + (vma.end - vma.start) / 4096 - 1;
}
