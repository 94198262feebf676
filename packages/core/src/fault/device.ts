/**
 * A fault in a window that a driver backs: the driver's to answer, under mmapLock, because one that waits must be able to
 * drop it. Mirrors `do_shared_fault` and `wp_pfn_shared` of `mm/memory.c` for VMAs without pages.
 */
import type { Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { countFault } from '../tracing/count-fault.ts';
import type { Fault, FaultResult } from './handle-fault.ts';

/** @locks Entered with mmapLock held for reading; `unlocked`: left without it. @sleeps May. */
export function* deviceFault(kernel: Kernel, { vma, va, access, held }: Fault): Routine<FaultResult> {
  if (held === 'vma') return 'retry';
  const { mm, device } = vma;
  if (device === undefined) return 'sigbus';
  countFault(kernel, 'device');
  const answer = yield* device.ops.fault(device, va as VirtualAddress, access === 'write');
  if (answer === 'installed') return 'done';
  if (answer === 'SIGBUS') return 'sigbus';
  if (typeof answer?.retryAfter?.next !== 'function') {
    const expected = 'expected installed, SIGBUS or a routine to retry after';
    kernel.scheduler.fail('fault-answer', `${device.name} answers ${String(answer)} to a fault, ${expected}`);
  }
  mm.mmapLock.releaseRead();
  yield* answer.retryAfter;
  return 'unlocked';
}
