/**
 * Loads and stores for whoever does not care for instructions: a VLOAD or VSTORE through a control block and its part of
 * the data segment. What the TLB serves is plain code.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAccess, DeviceAccessResult, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import type { Gts } from './driver/gts.ts';
import type { GruShared } from './driver/shared.ts';
import { Cause, causeNames } from './hardware/cause.ts';
import type { ControlBlock } from './hardware/control-block.ts';
import { isUserRange } from './options.ts';
import { claimBlock, claimNow, executeNow, releaseBlock, waitFor } from './user/instructions.ts';

/**
 * Addresses are the process's own (`process`); it answers `EIO` where the process has no context, or another address
 * space than its contexts, and `EFAULT` where there is no page.
 *
 * @locks Entered with none held. @sleeps On a miss.
 */
export function* accessGru(shared: GruShared, request: DeviceAccess): Routine<DeviceAccessResult> {
  const gts = contextOf(shared, request.process);
  if (gts === undefined) return 'EIO';
  const { space, address, data } = request;
  if (space !== 'process') return 'EINVAL';
  if (!isUserRange(address, data.length)) return 'EFAULT';
  if (data.length === 0) return 'done';
  const block = claimNow(gts) ?? (yield* claimBlock(gts));
  if (isErrno(block)) return block;
  const result = yield* transfer(shared, gts, block, request);
  releaseBlock(gts, block);
  return result;
}

/** An access inside one page that the TLB serves. @returns whether it was made. @sleeps Never. */
export function tryAccessGru(shared: GruShared, request: DeviceAccess): boolean {
  const { process, space, address, kind, data } = request;
  const offset = address & (PAGE_SIZE - 1);
  if (space !== 'process' || data.length === 0 || offset + data.length > PAGE_SIZE) return false;
  const gts = contextOf(shared, process);
  if (gts === undefined || !gts.loaded) return false;
  const { gru, cch } = gts;
  if (gru === undefined || cch === undefined) return false;
  const entry = gru.chiplet.tlb.probe(cch.asid, Math.floor(address / PAGE_SIZE), kind);
  if (entry === -1) return false;
  shared.host.ledger[kind](entry, offset, data.length, data, 0);
  return true;
}

/** As many instructions as the block's part of the data segment makes necessary. */
export function* transfer(
  shared: GruShared,
  gts: Gts,
  block: ControlBlock,
  { address, kind, data }: Pick<DeviceAccess, 'address' | 'kind' | 'data'>,
): Routine<DeviceAccessResult> {
  const { offset: dsr, bytes } = gts.dsrOf(block);
  for (let done = 0; done < data.length;) {
    const length = Math.min(bytes, data.length - done);
    if (kind === 'store') gts.writeSegment(dsr, data.subarray(done, done + length));
    const opcode = kind === 'load' ? 'vload' : 'vstore';
    if (!executeNow(shared, gts, block, { opcode, address: address + done, length, dsr })) {
      const error = yield* waitFor(shared, gts, block);
      if (error !== undefined) return error;
      const failed = exceptionOf(block);
      if (failed !== undefined) return failed;
    }
    if (kind === 'load') data.set(gts.readSegment(dsr, length), done);
    done += length;
  }
  return 'done';
}

/** How a block's exception looks to whoever asked for an access. */
export function exceptionOf({ istatus, exception }: ControlBlock): DeviceAccessResult | undefined {
  if (istatus !== 'EXCEPTION' || exception === undefined) return undefined;
  return exception.cause === Cause.OsFatalTlbFault ? 'EFAULT' : { exit: causeNames(exception.cause) };
}

/** The first context of a process, if it is one of the address space that the process has now. */
export function contextOf({ contexts, state }: GruShared, process: ProcessHandle): Gts | undefined {
  state.reads();
  const gts = contexts.get(process.name)?.[0];
  if (gts === undefined || gts.closed) return undefined;
  return process.mm === undefined || process.mm.id === gts.gms.mm.id ? gts : undefined;
}
