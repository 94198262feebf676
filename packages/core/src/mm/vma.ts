/** A virtual memory area: one interval with one backing and one protection. Mirrors `struct vm_area_struct`. */
import { hex } from '../contract.ts';
import type { DeviceWindow } from '../device-vma/device-window.ts';
import { type LockClass, LockClasses } from '../locking/lock-order.ts';
import type { HeldLock } from '../locking/lockdep.ts';
import type { AnonVma, AnonVmaChain, RmapVma } from '../rmap/anon-vma.ts';
import type { File } from '../page-cache/file.ts';
import type { MmStruct } from './mm-struct.ts';
import { PROT_MASK, VmFlags } from './vm-flags.ts';

export class Vma implements RmapVma, HeldLock {
  readonly mm: MmStruct;
  start: number;
  end: number;
  flags: number;
  readonly file: File<Vma> | undefined;
  /** Page index of `start`: in the file, or, for anonymous memory, the virtual page number where it was first mapped. */
  pgoff: number;
  private anonVmaNow: AnonVma | undefined;
  readonly anonVmaChain: AnonVmaChain[] = [];
  /** The window of which it is a part; a window that mremap has moved has none. `vm_private_data` */
  device: DeviceWindow | undefined;
  /** Still in the mm's tree: an rmap walk may meet one that was just taken out. */
  attached = false;
  /** Equals the mmapLock's `sequence` while a writer has this VMA marked. `vm_lock_seq` */
  lockSeq = 0;
  /** Faults under this VMA's read lock. */
  readers = 0;

  constructor(mm: MmStruct, start: number, end: number, flags: number, file: File<Vma> | undefined, pgoff: number) {
    this.mm = mm;
    this.start = start;
    this.end = end;
    this.flags = flags;
    this.file = file;
    this.pgoff = pgoff;
  }

  get anonVma(): AnonVma | undefined {
    this.mm.anonVmas.reads();
    return this.anonVmaNow;
  }

  set anonVma(anonVma: AnonVma | undefined) {
    this.mm.anonVmas.changes();
    this.anonVmaNow = anonVma;
  }

  /** As a lock that is held for reading. */
  get name(): string {
    return `VMA read lock of ${hex(this.start)}`;
  }

  get lockClass(): LockClass {
    return LockClasses.vmaRead;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  get prot(): number {
    return this.flags & PROT_MASK;
  }

  get shared(): boolean {
    return (this.flags & VmFlags.Shared) !== 0;
  }

  /** May become writable without being shared: writes copy. `is_cow_mapping` */
  get copyOnWrite(): boolean {
    return (this.flags & (VmFlags.Shared | VmFlags.MayWrite)) === VmFlags.MayWrite;
  }

  /** Page index of `va` in the backing. `linear_page_index` */
  indexOf(va: number): number {
    return this.pgoff + (va - this.start - (va % 4096)) / 4096;
  }

  /** Where page `index` of the backing lies, which must be inside. */
  addressOf(index: number): number {
    return this.start + (index - this.pgoff) * 4096;
  }
}
