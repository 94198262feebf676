/**
 * A TLB miss: find the page, drop the entry in, restart the instruction.
 *
 *     f1  read the handle             what missed; a purge from here on makes hardware ignore the drop-in
 *     f2  test the count              a range is open: not now
 *     f3  look the page up
 *     f4  drop in                     and restart
 *
 * An interrupt tries first. It may not sleep: what it cannot answer it hands to the process (user-polling mode), which
 * sees its block in `CALL_OS`, and comes by `callOs`. No lock is held from f1 to f4 (see `shared.ts`).
 *
 * Mirrors `gru_try_dropin`, `gru_intr` and `gru_handle_user_call_os`, `drivers/misc/sgi-gru/grufault.c`.
 */
import { PAGE_SIZE } from '@mmu-notifier/plugin-api';
import type { Pfn, Routine } from '@mmu-notifier/plugin-api';
import type { Cbr } from '../hardware/cbr.ts';
import type { ControlBlock } from '../hardware/control-block.ts';
import { FaultCause } from '../hardware/tfh.ts';
import type { TfhImage } from '../hardware/tfh.ts';
import { translationOf } from '../hardware/tlb.ts';
import type { Gms } from './gms.ts';
import type { GruState } from './gru-state.ts';
import type { Gts } from './gts.ts';
import { atomicLookUp, sleepingLookUp } from './look-up.ts';
import { checkPlacement } from './placement.ts';
import type { GruShared } from './shared.ts';

/** `done`: the instruction goes on, or somebody else answered. `EAGAIN`: the context is not loaded any more. */
export type DropinResult = 'done' | 'retry' | 'EAGAIN' | 'EFAULT';

/** Who asks: an interrupt, with mmapLock held for read, or the process, with nothing held. */
type Asker = 'interrupt' | 'user';

/** Twins change them. */
export const tests = {
  rangeActive: (gms: Gms): boolean => gms.invalidating,
};

/** @sleeps For the user only. */
export function* tryDropin(shared: GruShared, gru: GruState, gts: Gts, cbr: Cbr, asker: Asker): Routine<DropinResult> {
  const { stats, host } = shared;
  const { preemptive } = host.sync;
  const { tfh } = cbr;
  if (preemptive) yield* host.sync.preempt('gru: read the handle', 'declared');
  const image = tfh.read();
  const early = answered(shared, image, asker);
  if (early !== undefined) return early;
  const address = image.missVaddr;
  const write = (image.cause & FaultCause.TlbMod) !== 0;

  if (preemptive) yield* host.sync.preempt('gru: test the count', 'declared');
  if (tests.rangeActive(gts.gms)) {
    stats.tlb_dropin_fail_range_active();
    return handOver(shared, cbr, image, asker);
  }

  if (preemptive) yield* host.sync.preempt('gru: look the page up', 'declared');
  // A context that runs has an address space that has not been released: its tables are there.
  if (!gts.loaded || gts.gru !== gru) {
    stats.tlb_dropin_fail_no_asid();
    return 'EAGAIN';
  }
  const { mm } = gts.gms;
  const pfn =
    asker === 'interrupt'
      ? atomicLookUp(shared, mm, address, write)
      : yield* sleepingLookUp(shared, mm, address, write);
  if (pfn === undefined) return handOver(shared, cbr, image, asker);
  if (pfn === 'invalid' || host.frames.isPoisoned(pfn)) {
    stats.tlb_dropin_fail_invalid();
    tfh.exception(image);
    return 'EFAULT';
  }

  if (asker === 'interrupt') preload(shared, gts, cbr, image, write);
  if (preemptive) yield* host.sync.preempt('gru: drop in', 'declared');
  dropIn(shared, gts, cbr, image, pfn, write);
  return 'done';
}

/** There will be no page any more. */
function endInstruction({ tfh }: Cbr): void {
  tfh.exception(tfh.read());
}

/** Nothing to do: somebody else answers, or has. */
function answered({ stats }: GruShared, { status, state }: TfhImage, asker: Asker): DropinResult | undefined {
  if (status !== 'EXCEPTION') {
    stats.tlb_dropin_fail_idle();
    return 'done';
  }
  if (asker === 'user' && state === 'MISS_FMM') {
    stats.tlb_dropin_fail_fmm();
    return 'done';
  }
  if (asker === 'interrupt' && state === 'MISS_UPM') {
    stats.tlb_dropin_fail_upm();
    return 'done';
  }
  return undefined;
}

/** Not now. An interrupt cannot wait: the process will come. */
function handOver({ stats }: GruShared, { tfh }: Cbr, image: TfhImage, asker: Asker): DropinResult {
  if (asker === 'interrupt') {
    stats.tlb_dropin_fail_upm();
    tfh.userPollingMode(image);
  }
  return 'retry';
}

function dropIn(shared: GruShared, gts: Gts, { tfh }: Cbr, image: TfhImage, pfn: Pfn, write: boolean): void {
  const { stats, host } = shared;
  const page = Math.floor(image.missVaddr / PAGE_SIZE);
  const { trace } = host;
  if (trace.enabled) trace.event('gru_tlb_dropin', { process: gts.process, address: image.missVaddr, write });
  if (tfh.writeRestart(image, translationOf(gts.gms.mm, page, pfn, write))) {
    stats.tlb_dropin();
    gts.statistics.tlbdropin++;
  } else {
    stats.tlb_dropin_cancelled();
  }
}

/**
 * A copy reads on: the pages behind the one that missed are dropped in with it, the furthest first, as far as they are
 * there. @locks mmapLock held for read. @sleeps Never.
 */
function preload(shared: GruShared, gts: Gts, { tfh, block }: Cbr, image: TfhImage, write: boolean): void {
  const instruction = block?.instruction;
  if (gts.config.tlbPreload === 0 || instruction?.opcode !== 'bcopy') return;
  const { mm } = gts.gms;
  const first = Math.floor(image.missVaddr / PAGE_SIZE);
  const from = write ? instruction.target : instruction.address;
  const last = Math.floor((from + instruction.length - 1) / PAGE_SIZE);
  for (let page = Math.min(last, first + gts.config.tlbPreload); page > first; page--) {
    const pfn = atomicLookUp(shared, mm, page * PAGE_SIZE, write);
    if (pfn === undefined || !tfh.writeOnly(image, translationOf(mm, page, pfn, write))) return;
    shared.stats.tlb_preload_page();
  }
}

/** The CPU that serves a chiplet is told of misses. @sleeps Never: interrupt context. */
export function* interrupt(shared: GruShared, gru: GruState): Routine<void> {
  const { stats, host } = shared;
  stats.intr();
  for (const cbr of gru.chiplet.takeFaults()) {
    const { tfh } = cbr;
    const gts = gru.contexts[tfh.ctxnum];
    if (gts === undefined || !gts.loaded || !tfh.missed || gts.cbrOf(cbr.block as ControlBlock) !== cbr) {
      stats.intr_spurious();
      continue;
    }
    stats.intr_tfh();
    stats.fmm_tlbmiss();
    gts.statistics.fmmTlbmiss++;
    const { mm } = gts.gms;
    if (!host.processes.mmapReadTryLock(mm)) {
      stats.intr_mm_lock_failed();
      tfh.userPollingMode(tfh.read());
      continue;
    }
    yield* tryDropin(shared, gru, gts, cbr, 'interrupt');
    host.processes.mmapReadUnlock(mm);
  }
}

/**
 * The line from a chiplet to its CPU. Where nothing preempts, the interrupt is taken at once: it never waits, so nobody
 * could see the difference.
 */
export function raiseInterrupt(shared: GruShared, gru: GruState): void {
  const { host } = shared;
  if (!host.sync.preemptive) {
    const taken = interrupt(shared, gru).next();
    if (taken.done === true) return;
    throw new Error('gru: an interrupt waits where nothing preempts');
  }
  host.interrupts?.raise(`${host.deviceName}.gru${gru.gid} interrupt`, 0, () => interrupt(shared, gru));
}

/**
 * The process asks for its block to be served (`GRU_USER_CALL_OS`).
 *
 * @locks None held. @sleeps For the page, and while any range of the address space is open.
 */
export function* callOs(shared: GruShared, gts: Gts, block: ControlBlock): Routine<DropinResult> {
  const { stats, host } = shared;
  const { gms } = gts;
  stats.call_os();
  stats.upm_tlbmiss();
  gts.statistics.upmTlbmiss++;
  yield* checkPlacement(shared, gts);
  // The task may belong to another process, so only this reference keeps the address space from being torn down.
  if (!host.processes.getNotZero(gms.mm)) {
    if (gts.loaded) endInstruction(gts.cbrOf(block));
    return 'EFAULT';
  }
  let result: DropinResult;
  do {
    if (gms.invalidating) stats.call_os_wait_queue();
    yield* gms.waitQueue.waitUntil(() => !gms.invalidating || gms.released || gts.closed);
    const { gru } = gts;
    result = gru === undefined || !gts.loaded ? 'EAGAIN' : yield* tryDropin(shared, gru, gts, gts.cbrOf(block), 'user');
  } while (result === 'retry');
  yield* host.processes.put(gms.mm);
  return result;
}
