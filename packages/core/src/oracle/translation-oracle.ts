/**
 * What a translation may reach. Secondary translations are those of the ledgers, primary ones those of the CPU TLBs.
 *
 * @invariant no-free-frame: a frame that is freed is reached by no CPU TLB and no device (I1, I2)
 * @invariant start-is-a-barrier: when a start has returned, its range has no translation of that device (I5, I6)
 * @invariant stable-agreement: outside windows a device reaches what the process's pte maps (I3)
 * @invariant write-containment: a device writes only where the pte permits it (I4)
 * @invariant cover: a pte loses its page or a permission only inside a window, under its page-table lock (I7); not one
 *   that a driver made, whose page no secondary MMU can get
 *
 * The numbers are those of the invariants in `docs/oracles.md`. A device that pins answers for I1 alone, one that
 * pins until the end of a window for all but I5, and for agreement where no window is open.
 */
import { hex } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { reserveBytes } from '../memory/reserve.ts';
import type { FrameObserver } from '../memory/page-allocator.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { IntervalNode } from '../notifier/intervals.ts';
import type { NotifierWindow, Subscription } from '../notifier/subscriptions.ts';
import type { PteObserver } from '../page-table/page-tables.ts';
import { Pte, isMapped } from '../page-table/pte.ts';
import { type Ledger, Permission } from '../plugin/ledger.ts';
import { TASK_SIZE } from '../types.ts';
import { DevicePtes } from './device-ptes.ts';
import type { Shadow } from './shadow/shadow.ts';

export class TranslationOracle implements FrameObserver, PteObserver {
  readonly shadow: Shadow;
  readonly devicePtes: DevicePtes;
  /** Pte changes that were looked at. */
  pteTransitions = 0;
  /** Device loads and stores that were looked at. */
  deviceAccesses = 0;
  private readonly kernel: Kernel;
  private readonly ledgers: Ledger[] = [];
  /** Translations of all devices that reach a frame; there from the first device on. */
  private reach: Int32Array = new Int32Array(0);

  constructor(kernel: Kernel, shadow: Shadow) {
    this.kernel = kernel;
    this.shadow = shadow;
    this.devicePtes = new DevicePtes(kernel, this);
    kernel.allocator.observer = this;
    kernel.pageTables.observer = this;
  }

  watch(ledger: Ledger): void {
    if (this.reach.length === 0) this.reach = new Int32Array(reserveBytes(4 * this.kernel.allocator.memory.frames));
    this.ledgers.push(ledger);
  }

  /** The device is gone, and reaches nothing. */
  forget(ledger: Ledger): void {
    this.ledgers.splice(this.ledgers.indexOf(ledger), 1);
  }

  frameFreed(pfn: number): void {
    const { tlbs } = this.kernel;
    if (tlbs.reach[pfn] > 0) this.fail('use-after-free', `frame ${pfn} is freed while a CPU TLB reaches it`);
    this.devicePtes.frameFreed(pfn);
    if (this.reach.length === 0 || this.reach[pfn] === 0) return;
    const who = this.ledgers.find((ledger) => [...ledger.slots()].some((slot) => ledger.pfn[slot] === pfn));
    this.fail('use-after-free', `frame ${pfn} is freed while ${who?.device ?? 'a device'} reaches it`);
  }

  pteChanged(slot: number, oldFlags: number, oldFrame: number, newFlags: number, newFrame: number): void {
    this.pteTransitions++;
    const special = ((oldFlags | newFlags) & Pte.Special) !== 0;
    if (!isMapped(oldFlags) && !special) return;
    const table = Math.floor(slot / 512);
    const { frames, mms, ptLocks } = this.kernel;
    const mm = mms.get(frames.mapping[table]);
    if (mm === undefined) return;
    const va = frames.index[table] + (slot % 512) * 4096;
    if (!ptLocks.of(table).held)
      this.fail('unlocked-pte', `the pte of ${hex(va)} in mm ${mm.id} changes without its lock`);
    if (special) return this.devicePtes.changed(mm, va, oldFrame, newFlags, newFrame);
    const kept = isMapped(newFlags) && newFrame === oldFrame;
    const lost = oldFlags & ~newFlags & (Pte.Present | Pte.Writable | Pte.Dirty);
    if ((kept && lost === 0) || mm.notifiers === undefined) return;
    if (isMapped(newFlags) && newFrame !== oldFrame) {
      this.fail(
        'replaced-present',
        `the pte of ${hex(va)} in mm ${mm.id} goes from frame ${oldFrame} to ${newFrame} at once`,
      );
    }
    if (mm.windows.some((window) => covers(window, va))) return;
    this.fail(
      'uncovered-pte',
      `the pte of ${hex(va)} in mm ${mm.id} loses ${kept ? 'a permission' : 'its page'} outside a window`,
    );
  }

  established(ledger: Ledger, slot: number): void {
    this.reach[ledger.pfn[slot]]++;
    if (this.kernel.frames.refcount[ledger.pfn[slot]] <= 0) {
      this.fail('use-after-free', `${ledger.device} maps frame ${ledger.pfn[slot]}, which is free`);
    }
    if (ledger.coherence !== 'pinned')
      this.agree(ledger, slot, ledger.permission[slot] === Permission.store ? 'store' : 'load');
  }

  upgraded(ledger: Ledger, slot: number): void {
    if (ledger.coherence !== 'pinned') this.agree(ledger, slot, 'store');
  }

  flushed(ledger: Ledger, slot: number): void {
    this.devicePtes.flushed(ledger, slot);
    this.reach[ledger.pfn[slot]]--;
  }

  /** @returns whether the access concerns what the process sees now; only one with a pin may not. */
  accessed(ledger: Ledger, slot: number, kind: 'load' | 'store'): boolean {
    this.deviceAccesses++;
    const pfn = ledger.pfn[slot];
    if (this.kernel.frames.refcount[pfn] <= 0)
      this.fail('use-after-free', `${ledger.device} reaches frame ${pfn}, which is free`);
    const coherent =
      ledger.coherence === 'pinned'
        ? this.disagreement(ledger, slot, 'load') === undefined
        : this.agree(ledger, slot, kind);
    if (!coherent) ledger.counts.staleAccesses++;
    return coherent;
  }

  startReturned(subscription: Subscription, window: NotifierWindow): void {
    if (subscription.ops.invalidateRangeStart === undefined) return;
    this.barrier(subscription.owner, window, window.start, window.end);
  }

  intervalTold(node: IntervalNode, window: NotifierWindow): void {
    this.barrier(node.owner, window, Math.max(node.start, window.start), Math.min(node.end, window.end));
  }

  private barrier(owner: string, window: NotifierWindow, start: number, end: number): void {
    for (const ledger of this.ledgers) {
      if (ledger.device !== owner || ledger.coherence !== 'notified') continue;
      for (const slot of ledger.slotsInside(window.mm, start, end)) {
        this.fail(
          'start-is-a-barrier',
          `${describe(ledger, slot)} after the start of ${range(window)} (${window.event}) returned`,
        );
      }
    }
  }

  /** The address space is gone: nobody may reach it, but through a pin. */
  mmGone(mm: MmStruct): void {
    this.devicePtes.mmGone(mm);
    for (const ledger of this.ledgers) {
      if (ledger.coherence === 'pinned') continue;
      for (const slot of ledger.slotsInside(mm, 0, TASK_SIZE)) {
        this.fail('release', `${describe(ledger, slot)} after the address space is gone`);
      }
    }
    if (mm.windows.length > 0)
      this.fail('notifier-imbalance', `mm ${mm.id} goes with ${mm.windows.length} windows open`);
  }

  /** Why the entry does not agree with the process's pte now; `undefined` when it does. */
  disagreement(ledger: Ledger, slot: number, kind: 'load' | 'store'): string | undefined {
    const mm = ledger.mm[slot];
    const { pageTables, mms } = this.kernel;
    if (!mms.has(mm.id)) return 'the address space is gone';
    const pteSlot = pageTables.walk(mm.root, ledger.address[slot]);
    const flags = pteSlot < 0 ? Pte.None : pageTables.flags(pteSlot);
    if ((flags & Pte.Present) === 0) return 'the pte maps nothing';
    const frame = pageTables.frame(pteSlot);
    if (frame !== ledger.pfn[slot]) return `the pte maps frame ${frame}`;
    return kind === 'store' && (flags & Pte.Writable) === 0 ? 'the pte is read-only' : undefined;
  }

  /** @returns whether it does; only one that is pinned until the end may not, and only before that. */
  private agree(ledger: Ledger, slot: number, kind: 'load' | 'store'): boolean {
    const mm = ledger.mm[slot];
    const address = ledger.address[slot];
    const mayBeStale = ledger.coherence === 'until-end';
    const window = mayBeStale ? undefined : this.told(ledger, slot);
    if (window !== undefined) {
      this.fail(
        'stale-translation',
        `${describe(ledger, slot)} inside the window of ${range(window)} (${window.event})`,
      );
    }
    const why = this.disagreement(ledger, slot, kind);
    if (why === undefined) return true;
    if (mayBeStale && [...mm.windows, ...mm.closing].some((open) => covers(open, address))) return false;
    const oracle = why === 'the pte is read-only' ? 'write-through-read-only' : 'stale-translation';
    this.fail(oracle, `${describe(ledger, slot)}, but ${why}`);
  }

  /** An open window over the page whose start has returned to the device. */
  private told(ledger: Ledger, slot: number): NotifierWindow | undefined {
    const address = ledger.address[slot];
    return ledger.mm[slot].windows.find(
      (open) =>
        covers(open, address) &&
        open.told.some(({ owner, start, end }) => owner === ledger.device && start <= address && address < end),
    );
  }

  private fail(oracle: string, message: string): never {
    return this.kernel.scheduler.fail(oracle, message);
  }
}

function covers(window: NotifierWindow, address: number): boolean {
  return window.start <= address && address < window.end;
}

function range({ start, end }: NotifierWindow): string {
  return `[${hex(start)}, ${hex(end)})`;
}

function describe(ledger: Ledger, slot: number): string {
  return `${ledger.device} reaches frame ${ledger.pfn[slot]} for ${hex(ledger.address[slot])} of mm ${ledger.mm[slot].id}`;
}
