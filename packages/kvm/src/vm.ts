/**
 * One virtual machine: the secondary MMU of one address space, and the state that faults and notifiers share.
 *
 * Locks, outermost first:
 *
 *     slotsLock (mutex)      one memslot update at a time
 *       mnInvalidateLock     (spin) the count of invalidations that hold memslot updates back; publishing a set
 *       mmuLock              (spin) the table and the retry pair
 *     srcu                   read side: a fault attempt, a callback; `synchronize` under slotsLock only
 *
 * mnInvalidateLock and mmuLock are never held together. No lock is held while pages are got, because that runs this
 * VM's own callbacks. Mirrors `struct kvm` of Linux 6.8.
 */
import type {
  Completion,
  LedgerEntry,
  MmHandle,
  Mutex,
  NotifierSubscription,
  Pfn,
  PluginHost,
  Routine,
  SharedState,
  SpinLock,
  Srcu,
  WaitQueue,
} from '@mmu-notifier/plugin-api';
import { AsyncFaults } from './async-pf.ts';
import { DirtyRing } from './dirty-ring.ts';
import type { FaultingVcpu } from './faulting-vcpu.ts';
import { assertHeld } from './assert.ts';
import { GfnSet } from './gfn-set.ts';
import { RESET, type Registers } from './guest/registers.ts';
import type { Memslot, Memslots } from './memslots.ts';
import { MmioSptes } from './mmio-spte.ts';
import { MmuInvalidate } from './retry.ts';
import { ShadowMmu } from './shadow/shadow-mmu.ts';
import { ShadowVcpu } from './shadow/vcpu.ts';
import { SpteBits, Sptes, nextPresentIn } from './sptes.ts';
import type { TablePage } from './sptes.ts';
import type { KvmShared } from './shared.ts';
import type { KvmStats } from './stats.ts';
import { Vcpu } from './vcpu.ts';

/**
 * `opening`: not registered yet. `running`. `released`: the address space is gone or going; nothing is mapped, faults
 * fail. `closing`: being destroyed.
 */
export type VmLife = 'opening' | 'running' | 'released' | 'closing';

export class Vm {
  readonly shared: KvmShared;
  readonly host: PluginHost;
  readonly stats: KvmStats;
  /** The process that opened it. */
  readonly name: string;
  /** Bound at creation; an access of the process from another mm is refused. */
  readonly mm: MmHandle;
  subscription: NotifierSubscription | undefined;

  readonly slotsLock: Mutex;
  readonly srcu: Srcu;

  readonly mnInvalidateLock: SpinLock;
  /** Woken when `mnActiveInvalidateCount` reaches 0: the memslot updater. */
  readonly slotsQueue: WaitQueue;

  readonly mmuLock: SpinLock;
  /** Tables, TLBs, slots and `life`, as they are used outside of their locks. */
  readonly state: SharedState;
  readonly invalidate: MmuInvalidate;
  /** Woken when a fault that sleeps may try again. */
  readonly retryQueue: WaitQueue;
  /** @locks mmuLock. */
  readonly sptes: Sptes;
  /** Direct mode: frames that no memslot has, by gfn. @locks mmuLock. */
  readonly mmioSptes: MmioSptes = new MmioSptes();
  /** In shadow mode they have no part in translating. */
  readonly vcpus: readonly Vcpu[];
  /** Shadow mode: the tables. @locks mmuLock. */
  readonly shadow: ShadowMmu | undefined;
  /** Shadow mode: the vCPUs, and one more behind them whose paging is always off. */
  readonly shadowVcpus: readonly ShadowVcpu[];
  readonly asyncFaults: readonly AsyncFaults[];
  /** One for each vCPU, or none at all. */
  readonly dirtyRings: readonly DirtyRing[];
  /** Direct mode: what each vCPU's kernel has set. */
  readonly registers: Registers[];
  /** sptes were dropped and the TLB has not been flushed. @locks mmuLock. */
  unflushed = false;
  private lifeNow: VmLife = 'opening';
  private mnActive = 0;
  private readonly mnActiveState: SharedState;
  private memslotsNow: Memslots;
  /** Pins of sptes that were dropped; they go after the flush, for the last one frees the page. @locks mmuLock. */
  private gather: Pfn[] = [];
  /** gfns that an invalidation took away and no fault brought back. @locks mmuLock. */
  readonly invalidated: GfnSet = new GfnSet();

  /** Completes when the VM has been destroyed. */
  readonly destroyed: Completion;

  constructor(shared: KvmShared, name: string, mm: MmHandle, memslots: Memslots) {
    const { sync } = shared.host;
    this.shared = shared;
    this.host = shared.host;
    this.stats = shared.stats;
    this.name = name;
    this.mm = mm;
    this.memslotsNow = memslots;
    const owner = `${shared.host.deviceName}.${name}`;
    this.slotsLock = sync.mutex(`${owner}.slotsLock`);
    this.srcu = sync.srcu(`${owner}.srcu`);
    this.mnInvalidateLock = sync.spinLock(`${owner}.mnInvalidateLock`);
    this.slotsQueue = sync.waitQueue(`${owner}.slotsQueue`);
    this.mmuLock = sync.spinLock(`${owner}.mmuLock`);
    this.state = sync.sharedState(`${owner}.state`);
    this.mnActiveState = sync.sharedState(`${owner}.mnActiveInvalidateCount`);
    this.invalidate = new MmuInvalidate(sync, this.mmuLock, owner);
    this.retryQueue = sync.waitQueue(`${owner}.retryQueue`);
    this.destroyed = sync.completion(`${owner}.destroyed`);
    this.sptes = new Sptes({
      tableLinked: () => this.stats.mmuCacheMiss(),
      tableUnlinked: () => this.stats.mmuShadowZapped(),
    });
    const shadow = shared.mode === 'shadow';
    const each = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
    const tlbEntries = shared.vcpuTlbEntries;
    this.asyncFaults = each(shared.vcpus, (i) => new AsyncFaults(this, `${owner}.vcpu${i}`));
    this.dirtyRings = each(shared.dirtyLog === 'ring' ? shared.vcpus : 0, () => new DirtyRing(shared.dirtyRingEntries));
    // The vCPU without paging has no asynchronous faults, and the first one's ring.
    const { asyncFaults, dirtyRings } = this;
    const faulting = (i: number): FaultingVcpu => ({
      asyncFaults: asyncFaults[i],
      dirtyRing: dirtyRings[i] ?? dirtyRings[0],
    });
    this.vcpus = each(shadow ? 0 : shared.vcpus, (i) => new Vcpu(this.sptes, tlbEntries, faulting(i)));
    this.shadow = shadow ? new ShadowMmu(this) : undefined;
    this.shadowVcpus = each(shadow ? shared.vcpus + 1 : 0, (i) => new ShadowVcpu(tlbEntries, faulting(i)));
    this.registers = each(shared.vcpus, () => RESET);
  }

  /** Invalidations between their start and their end, slots met or not. @locks Changed under mnInvalidateLock. */
  get mnActiveInvalidateCount(): number {
    this.mnActiveState.reads();
    return this.mnActive;
  }

  set mnActiveInvalidateCount(count: number) {
    this.mnActiveState.changes();
    this.mnActive = count;
  }

  get life(): VmLife {
    this.state.reads();
    return this.lifeNow;
  }

  set life(life: VmLife) {
    this.state.changes();
    this.lifeNow = life;
  }

  /** The published set. @locks Read: srcu, or in one step. Written: slotsLock and mnInvalidateLock. */
  get memslots(): Memslots {
    this.state.reads();
    return this.memslotsNow;
  }

  set memslots(memslots: Memslots) {
    this.state.changes();
    this.memslotsNow = memslots;
  }

  /**
   * Drops every spte of the gfns `[first, end)`. The TLB may hold them until {@link Vm.flush}.
   *
   * @param why - `invalidated` remembers the gfns, so that their next fault counts as a refault.
   * @locks mmuLock held. @sleeps Never.
   * @returns How many were present.
   */
  zap(first: number, end: number, why: 'invalidated' | 'gone' = 'gone'): number {
    assertHeld(this.mmuLock, 'mmuLock');
    const { sptes, shadow } = this;
    let dropped = 0;
    if (shadow !== undefined) return shadow.zap(first, end, why === 'invalidated' ? this.invalidated : undefined);
    for (let gfn = sptes.nextPresent(first, end); gfn >= 0; gfn = sptes.nextPresent(gfn, end)) {
      const leaf = sptes.leaf(gfn) as TablePage;
      const base = gfn - (gfn & 511);
      for (let i = gfn & 511; i >= 0 && base + i < end; i = nextPresentIn(leaf, i + 1)) {
        if (why === 'invalidated') this.invalidated.add(base + i);
        this.drop(leaf, i);
        dropped++;
      }
      sptes.prune(gfn);
    }
    if (dropped > 0) this.stats.pages4k(-dropped);
    return dropped;
  }

  /**
   * The sptes of the gfns `[first, end)` stay, and let the guest write no more. The TLB may until {@link Vm.flush}.
   *
   * @locks mmuLock held. @sleeps Never.
   */
  writeProtect(first: number, end: number): void {
    assertHeld(this.mmuLock, 'mmuLock');
    const { sptes, shadow } = this;
    if (shadow !== undefined) {
      shadow.writeProtect(first, end);
      return;
    }
    for (let gfn = sptes.nextPresent(first, end); gfn >= 0; gfn = sptes.nextPresent(gfn + 1, end)) {
      if ((sptes.bits(gfn) & SpteBits.Writable) === 0) continue;
      this.state.changes();
      sptes.change(gfn, 0, SpteBits.Writable);
      this.host.ledger.downgrade(sptes.ledgerEntry(gfn));
      this.unflushed = true;
    }
  }

  /** The guest may have written a frame of the slot from now on. `mark_page_dirty_in_slot` */
  markDirty({ id, dirty, baseGfn }: Memslot, gfn: number, ring: DirtyRing | undefined): void {
    if (dirty === undefined) return;
    this.state.changes();
    if (ring === undefined) dirty.mark(gfn - baseGfn);
    else ring.push({ slot: id, page: gfn - baseGfn });
  }

  /** Drops one present spte of direct mode, as {@link Vm.zap}. @locks mmuLock held. @sleeps Never. */
  dropSpte(gfn: number): void {
    assertHeld(this.mmuLock, 'mmuLock');
    this.drop(this.sptes.leaf(gfn) as TablePage, gfn & 511);
    this.sptes.prune(gfn);
    this.stats.pages4k(-1);
  }

  private drop(leaf: TablePage, index: number): void {
    const bits = leaf.words[2 * index + 1] as number;
    this.letGo(
      leaf.words[2 * index] as Pfn,
      leaf.ledger[index] as LedgerEntry,
      (bits & SpteBits.Accessed) !== 0,
      (bits & SpteBits.Dirty) !== 0,
    );
    this.sptes.clear(leaf, index);
  }

  /**
   * An spte goes. What hardware noted in it goes to the page, which is legal here: either the callback that wants it gone
   * has not returned, or no callback has wanted it gone, so the page is still mapped (or pinned).
   *
   * @locks mmuLock held. @sleeps Never.
   */
  letGo(pfn: Pfn, entry: LedgerEntry, accessed: boolean, dirty: boolean): void {
    const { frames, ledger } = this.host;
    this.state.changes();
    if (dirty) frames.markDirty(pfn);
    if (accessed && pfn !== frames.zeroPage) frames.markAccessed(pfn);
    ledger.clear(entry);
    if (this.shared.coherence === 'pinned') this.gather.push(pfn);
    this.unflushed = true;
  }

  /**
   * Makes what was dropped unreachable, then lets go of its pins.
   *
   * @locks mmuLock held, as when the sptes were dropped. @sleeps Never; another task may run before the flush.
   */
  *flush(): Routine<void> {
    assertHeld(this.mmuLock, 'mmuLock');
    yield* this.host.sync.preempt('kvm: remote TLB flush', 'declared');
    this.flushRemoteTlbs();
    if (this.gather.length === 0) return;
    const pins = this.gather;
    this.gather = [];
    for (const pfn of pins) this.host.pages.unpinPage(pfn);
    this.stats.pagesPinned(-pins.length);
  }

  /** Kicks every vCPU and waits until it has flushed. `kvm_flush_remote_tlbs` @locks mmuLock held. @sleeps Never. */
  flushRemoteTlbs(): void {
    this.stats.remoteTlbFlushRequests();
    this.flushVcpus();
    // The ledger's flush speaks for the whole device, so a VM that is about to flush does it now.
    for (const other of this.shared.vms.values()) if (other.unflushed) other.flushVcpus();
    this.host.ledger.flush();
  }

  /** Whoever waits in a fault or a memslot update looks again. */
  wakeWaiters(): void {
    this.retryQueue.wakeAll();
    this.slotsQueue.wakeAll();
  }

  private flushVcpus(): void {
    this.state.changes();
    this.unflushed = false;
    let kicked = false;
    for (const { tlb } of this.shadow === undefined ? this.vcpus : this.shadowVcpus) {
      if (tlb.filled === 0) continue;
      tlb.flushAll();
      this.stats.tlbFlush();
      kicked = true;
    }
    if (kicked) this.stats.remoteTlbFlush();
  }
}
