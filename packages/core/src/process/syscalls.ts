/** System calls as a process makes them: words for flags, an errno for an answer. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import type { MachineSyscalls, MmapCall, Process, ResidentPages } from '../machine-api.ts';
import { brk } from '../mm/brk.ts';
import { ADVICES, type Advice, madvise } from '../mm/madvise.ts';
import { type MapsEntry, type PagemapEntry, maps, pagemap } from '../mm/maps.ts';
import { mincore } from '../mm/mincore.ts';
import { mlock, munlock } from '../mm/mlock.ts';
import { mmap } from '../mm/mmap.ts';
import { mprotect } from '../mm/mprotect.ts';
import { mremap } from '../mm/mremap.ts';
import { type MsyncFlag, msync } from '../mm/msync.ts';
import { munmap } from '../mm/munmap.ts';
import type { Vma } from '../mm/vma.ts';
import { parseProt } from '../mm/vm-flags.ts';
import type { File } from '../page-cache/file.ts';
import type { Files } from '../page-cache/files.ts';
import { pageCeil } from '../types.ts';
import { callOf } from './call.ts';
import type { Processes } from './lifecycle.ts';
import { asProcess, mmOf } from './process.ts';

/** Flags of `mmap`. */
const MMAP_FLAGS: readonly string[] = [
  'private',
  'shared',
  'anonymous',
  'fixed',
  'fixed_noreplace',
  'populate',
  'growsdown',
  'noreserve',
  'hugetlb',
  'locked',
  'stack',
];

const MSYNC_FLAGS: readonly string[] = ['async', 'sync', 'invalidate'];

/** The calls of all processes. */
export class Syscalls implements MachineSyscalls {
  private readonly kernel: Kernel;
  private readonly processes: Processes;
  private readonly files: Files;

  constructor(kernel: Kernel, processes: Processes, files: Files) {
    this.kernel = kernel;
    this.processes = processes;
    this.files = files;
  }

  /** @sleeps May. @throws UsageError for words that are no flags. */
  *mmap(process: Process, call: MmapCall): Routine<number | Errno> {
    const flags = new Set(call.flags);
    const unknown = call.flags.find((flag) => !MMAP_FLAGS.includes(flag));
    if (unknown !== undefined)
      throw new UsageError('unknown-flag', `found mmap flag "${unknown}", expected ${MMAP_FLAGS.join(', ')}`);
    const shared = flags.has('shared');
    if (shared === flags.has('private')) return 'EINVAL';
    const file = call.file as File<Vma> | undefined;
    const fresh =
      file === undefined && shared && call.length > 0 ? this.files.createShmem(pageCeil(call.length)) : undefined;
    const request = {
      address: call.address,
      length: call.length,
      prot: protOf(call.prot),
      sharing: shared ? ('shared' as const) : ('private' as const),
      placement: placementOf(flags),
      file: file ?? fresh,
      offset: call.offset ?? 0,
      populate: flags.has('populate'),
      growsDown: flags.has('growsdown'),
      noReserve: flags.has('noreserve'),
      stack: flags.has('stack'),
      locked: flags.has('locked'),
      hugetlb: flags.has('hugetlb'),
    };
    const address = yield* callOf(this.kernel, process, (mm) => mmap(this.kernel, mm, request));
    if (fresh !== undefined && typeof address === 'string') this.kernel.files.delete(fresh.id);
    return address;
  }

  munmap(process: Process, address: number, length: number): Routine<Errno | undefined> {
    return callOf(this.kernel, process, (mm) => munmap(this.kernel, mm, address, length));
  }

  mprotect(process: Process, address: number, length: number, prot: string): Routine<Errno | undefined> {
    const bits = protOf(prot);
    return callOf(this.kernel, process, (mm) => mprotect(this.kernel, mm, address, length, bits));
  }

  mremap(
    process: Process,
    address: number,
    oldLength: number,
    newLength: number,
    flags: readonly string[],
    newAddress: number,
  ): Routine<number | Errno> {
    const request = {
      address,
      oldLength,
      newLength,
      mayMove: flags.includes('maymove'),
      fixed: flags.includes('fixed') ? newAddress : undefined,
      dontUnmap: flags.includes('dontunmap'),
    };
    return callOf(this.kernel, process, (mm) => mremap(this.kernel, mm, request));
  }

  /** @throws UsageError for an advice that this machine does not have. */
  madvise(process: Process, address: number, length: number, advice: string): Routine<Errno | undefined> {
    if (!isAdvice(advice))
      throw new UsageError('unknown-advice', `found advice "${advice}", expected ${ADVICES.join(', ')}`);
    return callOf(this.kernel, process, (mm) => madvise(this.kernel, mm, address, length, advice));
  }

  mlock(process: Process, address: number, length: number): Routine<Errno | undefined> {
    return callOf(this.kernel, process, (mm) => mlock(this.kernel, mm, address, length));
  }

  munlock(process: Process, address: number, length: number): Routine<Errno | undefined> {
    return callOf(this.kernel, process, (mm) => munlock(this.kernel, mm, address, length));
  }

  /** @throws UsageError for words that are no flags. */
  msync(process: Process, address: number, length: number, flags: readonly string[]): Routine<Errno | undefined> {
    const unknown = flags.find((flag) => !MSYNC_FLAGS.includes(flag));
    if (unknown !== undefined)
      throw new UsageError('unknown-flag', `found msync flag "${unknown}", expected ${MSYNC_FLAGS.join(', ')}`);
    const words = flags as readonly MsyncFlag[];
    return callOf(this.kernel, process, (mm) => msync(this.kernel, mm, address, length, words));
  }

  mincore(process: Process, address: number, length: number): Routine<Uint8Array | Errno> {
    return callOf(this.kernel, process, (mm) => mincore(this.kernel, mm, address, length));
  }

  *brk(process: Process, address: number): Routine<number> {
    const before = asProcess(process).mm?.brk ?? 0;
    const after = yield* callOf(this.kernel, process, (mm) => brk(this.kernel, mm, address));
    return typeof after === 'number' ? after : before;
  }

  fork(process: Process): Routine<Process | Errno> {
    return callOf(this.kernel, process, () => this.processes.fork(asProcess(process)));
  }

  vfork(process: Process): Routine<Process | Errno> {
    return callOf(this.kernel, process, () => this.processes.vfork(asProcess(process)));
  }

  exec(process: Process): Routine<Errno | undefined> {
    return callOf(this.kernel, process, () => this.processes.exec(asProcess(process)));
  }

  exit(process: Process): Routine<void> {
    return this.processes.exit(asProcess(process));
  }

  /** A signal becomes pending. */
  signal(process: Process): void {
    this.kernel.scheduler.signal(asProcess(process));
  }

  maps(process: Process): MapsEntry[] {
    return maps(mmOf(process));
  }

  pagemap(process: Process, address: number, length: number): PagemapEntry[] {
    return pagemap(this.kernel, mmOf(process), address, length);
  }

  /** Resident pages by kind, and swapped ones. */
  rss(process: Process): ResidentPages {
    return { ...mmOf(process).rss };
  }

  /** Where the heap begins; 0 until somebody has said it. */
  heapStart(process: Process): number {
    return mmOf(process).startBrk;
  }

  /** What `exec` does for a program whose image says where its heap begins. */
  setInitialBrk(process: Process, address: number): void {
    const mm = mmOf(process);
    mm.startBrk = address;
    mm.brk = address;
  }
}

function placementOf(flags: ReadonlySet<string>): 'fixed_noreplace' | 'fixed' | 'hint' {
  if (flags.has('fixed_noreplace')) return 'fixed_noreplace';
  return flags.has('fixed') ? 'fixed' : 'hint';
}

function isAdvice(word: string): word is Advice {
  return (ADVICES as readonly string[]).includes(word);
}

function protOf(text: string): number {
  const prot = parseProt(text);
  if (prot === undefined)
    throw new UsageError('bad-protection', `found protection "${text}", expected letters of rwx, or -`);
  return prot;
}
