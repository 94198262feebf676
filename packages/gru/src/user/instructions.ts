/**
 * The process's side: it claims a control block, writes an instruction into it, and waits. While it waits, it is the one
 * that drives the execution unit: hardware that nobody waits for runs in a thread of its own. A process that finds its
 * block in `CALL_OS` calls the driver; one that touches a context which is not loaded faults.
 */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { callOs } from '../driver/fault.ts';
import type { Gts } from '../driver/gts.ts';
import { gsegFault } from '../driver/placement.ts';
import type { GruShared } from '../driver/shared.ts';
import type { ControlBlock } from '../hardware/control-block.ts';
import type { Instruction } from '../hardware/instruction.ts';

/** A block that nobody uses, if there is one now. @sleeps Never. */
export function claimNow({ blocks }: Gts): ControlBlock | undefined {
  for (const block of blocks) {
    if (block.claimed) continue;
    block.claimed = true;
    return block;
  }
  return undefined;
}

/** A block that nobody uses. @sleeps Until there is one. Errors: `EIO` where the context is closed. */
export function* claimBlock(gts: Gts): Routine<ControlBlock | Errno> {
  for (;;) {
    if (gts.closed) return 'EIO';
    const block = claimNow(gts);
    if (block !== undefined) return block;
    yield* gts.blockQueue.waitUntil(() => gts.closed || gts.blocks.some(({ claimed }) => !claimed));
  }
}

export function releaseBlock(gts: Gts, block: ControlBlock): void {
  block.claimed = false;
  gts.blockQueue.wakeAll();
}

/**
 * Executes one instruction in a block that the caller has claimed.
 *
 * @sleeps On a miss. Errors: `EIO`, the context is closed; `EFAULT`, the address space is gone. An exception is not an
 *   error: look at the block.
 */
export function* execute(
  shared: GruShared,
  gts: Gts,
  block: ControlBlock,
  instruction: Instruction,
): Routine<Errno | undefined> {
  if (executeNow(shared, gts, block, instruction)) return undefined;
  return yield* waitFor(shared, gts, block);
}

/**
 * Issues an instruction, and where nothing preempts executes it as far as hardware comes without the process: misses that
 * an interrupt serves are part of it.
 *
 * @sleeps Never. @returns whether it has ended; otherwise wait for it.
 */
export function executeNow(shared: GruShared, gts: Gts, block: ControlBlock, instruction: Instruction): boolean {
  shared.stats.instructions();
  block.issue(instruction);
  if (shared.host.sync.preemptive || !gts.loaded) return false;
  while (block.istatus === 'ACTIVE' && !missed(gts, block)) advance(gts, block);
  return block.istatus === 'IDLE';
}

/** Waits until the block is idle, or has an exception. @sleeps May. */
export function* waitFor(shared: GruShared, gts: Gts, block: ControlBlock): Routine<Errno | undefined> {
  for (;;) {
    const { istatus } = block;
    if (istatus === 'IDLE') return undefined;
    if (istatus === 'EXCEPTION') {
      shared.stats.user_exception();
      return undefined;
    }
    const error = yield* serve(shared, gts, block);
    if (error !== undefined) {
      block.become('IDLE');
      return error;
    }
  }
}

/** Does what the block needs next. */
function* serve(shared: GruShared, gts: Gts, block: ControlBlock): Routine<Errno | undefined> {
  if (gts.closed) return 'EIO';
  if (!gts.loaded) return yield* gsegFault(shared, gts);
  if (block.istatus === 'CALL_OS') {
    yield* callOs(shared, gts, block);
    return undefined;
  }
  if (block.asynchronous || missed(gts, block)) {
    const { istatus } = block;
    yield* gts.blockQueue.waitUntil(
      () => gts.closed || !gts.loaded || block.istatus !== istatus || (!block.asynchronous && !missed(gts, block)),
    );
    return undefined;
  }
  advance(gts, block);
  yield* shared.host.sync.preempt('gru: next step', 'declared');
  return undefined;
}

/** Whether hardware waits for an interrupt to be served. */
function missed(gts: Gts, block: ControlBlock): boolean {
  return gts.loaded && gts.cbrOf(block).tfh.missed;
}

/** One step of hardware. */
function advance(gts: Gts, block: ControlBlock): void {
  const { gru, cch } = gts;
  if (gru !== undefined && cch !== undefined) gru.unit.step(cch, gts.cbrOf(block));
}

/** Issues an instruction and goes on: a thread is the hardware that executes it. */
export function start(shared: GruShared, gts: Gts, block: ControlBlock, instruction: Instruction): void {
  const { host, stats } = shared;
  stats.instructions();
  block.asynchronous = true;
  block.issue(instruction);
  const stopped = (): boolean => !gts.loaded || missed(gts, block);
  const active = (): boolean => block.istatus === 'ACTIVE' || block.istatus === 'CALL_OS';
  host.tasks.kernelThread(
    `${host.deviceName}.${gts.process} cb${block.number}`,
    function* () {
      while (active() && !gts.closed) {
        if (block.istatus === 'CALL_OS' || stopped()) {
          yield* gts.blockQueue.waitUntil(() => gts.closed || !active() || (block.istatus === 'ACTIVE' && !stopped()));
        } else {
          advance(gts, block);
          yield* host.sync.preempt('gru: next step', 'declared');
        }
      }
      block.asynchronous = false;
      gts.blockQueue.wakeAll();
    },
    'daemon',
  );
}
