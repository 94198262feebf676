/** A process's memory as the kernel itself reads and writes it, with the CPU and without a secondary translation. */
import type { Errno } from '../errno.ts';
import type { Routine } from '../routine.ts';
import type { VirtualAddress } from '../units.ts';
import type { MmHandle } from './processes.ts';

/**
 * `copy_from_user` and its neighbours, for any address space that has users. The bytes go through the process's own
 * page tables: no notifier is needed for them, and none keeps what was read true.
 * @public
 */
export interface UserMemoryService {
  /**
   * Reads into all of `into` if no fault is needed, as one step: with page faults disabled, so also under spinlocks.
   * Must not cross a page.
   *
   * @sleeps Never. @returns whether it was read.
   */
  tryRead(mm: MmHandle, address: VirtualAddress, into: Uint8Array): boolean;
  /** Reads, faulting as a load of the process does. @locks Takes mmapLock or a VMA lock. @sleeps May. Errors: `EFAULT`, `ENOMEM`. */
  read(mm: MmHandle, address: VirtualAddress, into: Uint8Array): Routine<Errno | undefined>;
  /**
   * Writes, faulting as a store of the process does. **The driver's own callbacks run inside it** (copy-on-write): hold no
   * lock that they take.
   *
   * @locks Takes mmapLock or a VMA lock. @sleeps May. Errors: `EFAULT`, `ENOMEM`.
   */
  write(mm: MmHandle, address: VirtualAddress, from: Uint8Array): Routine<Errno | undefined>;
  /**
   * Writes `value` in one step if `expected` is what stands there (`user_cmpxchg`). Both have one length and do not cross a
   * page. **The driver's own callbacks run inside it.**
   *
   * @locks As `write`. @sleeps May. @returns whether it was written.
   */
  compareExchange(
    mm: MmHandle,
    address: VirtualAddress,
    expected: Uint8Array,
    value: Uint8Array,
  ): Routine<boolean | Errno>;
}
