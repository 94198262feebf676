/**
 * A walk of the guest's own page tables: guest-virtual to guest-physical, with the rights of all levels together. Whoever
 * walks brings the way to read an entry: KVM reads at the process's address (shadow paging), hardware through the VM's
 * own table (two-dimensional paging).
 *
 * Accessed and dirty are set in the guest's entries by compare and exchange; an entry that changed meanwhile makes the walk
 * begin again. Mirrors `FNAME(walk_addr_generic)` of `arch/x86/kvm/mmu/paging_tmpl.h`.
 */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { PageNotPresent } from '../async-pf.ts';
import { GPTE_BYTES, GPTE_NO_EXECUTE, GpteBits, ROOT_LEVEL, gfnSpan, gpteGfn, gpteIndex } from './gpte.ts';
import { type GuestAccess, type Registers, Rights, pageFaultCode, permits } from './registers.ts';

/** Why an entry could not be reached. */
type Failure = string | PageNotPresent;

/** How entries are reached; `F` is how that can fail. */
export interface GpteMemory<F> {
  /** Reads 8 bytes. */
  read(gpa: number, into: Uint8Array): Routine<F | undefined>;
  /** Writes `value` if `expected` stands there. @returns whether it did. */
  compareExchange(gpa: number, expected: Uint8Array, value: Uint8Array): Routine<boolean | F>;
}

/** One entry on the way. */
export interface WalkStep {
  readonly level: number;
  /** Where the entry lies. */
  readonly gpa: number;
  /** As it stood at the end of the walk. */
  readonly low: number;
  readonly high: number;
  /** What this entry and those above it allow. */
  readonly rights: number;
}

/** A page was found and takes the access. */
export interface GuestWalk {
  /** The 4 KiB frame of the access. */
  readonly gfn: number;
  /** From the top-level table down; the last one is the page's. */
  readonly steps: readonly WalkStep[];
}

/** The guest's own page fault. */
export interface GuestPageFault {
  readonly code: number;
}

function isWalk(found: unknown): found is GuestWalk {
  return 'steps' in Object(found);
}

/** @sleeps As the memory does. */
export function* walkGuest<F extends Failure>(
  memory: GpteMemory<F>,
  registers: Registers,
  gva: number,
  access: GuestAccess,
): Routine<GuestWalk | GuestPageFault | F> {
  for (;;) {
    const found = yield* look(memory, registers, gva, access);
    if (!isWalk(found)) return found;
    const unchanged = yield* setAccessedAndDirty(memory, found, access.kind === 'store');
    if (unchanged !== undefined) return unchanged;
  }
}

function* look<F extends Failure>(
  memory: GpteMemory<F>,
  registers: Registers,
  gva: number,
  access: GuestAccess,
): Routine<GuestWalk | GuestPageFault | F> {
  const steps: WalkStep[] = [];
  const bytes = new Uint8Array(GPTE_BYTES);
  let table = registers.cr3;
  let rights: number = Rights.All;
  for (let level = ROOT_LEVEL; ; level--) {
    const gpa = table * 4096 + gpteIndex(gva, level) * GPTE_BYTES;
    const failed = yield* memory.read(gpa, bytes);
    if (failed !== undefined) return failed;
    const [low, high] = words(bytes);
    if ((low & GpteBits.Present) === 0) return { code: pageFaultCode(registers, access, false, false) };
    const large = (low & GpteBits.PageSize) !== 0 && level > 1;
    if ((large && level === ROOT_LEVEL) || ((high & GPTE_NO_EXECUTE) !== 0 && !registers.noExecute))
      return { code: pageFaultCode(registers, access, true, true) };
    rights &= rightsOf(low, high);
    steps.push({ level, gpa, low, high, rights });
    table = gpteGfn(low, high);
    if (level > 1 && !large) continue;
    if (!permits(registers, rights, access)) return { code: pageFaultCode(registers, access, true, false) };
    const span = gfnSpan(level);
    return { gfn: table - (table % span) + (Math.floor(gva / 4096) % span), steps };
  }
}

/** @returns the walk as it stands now, `undefined` where an entry changed meanwhile. */
function* setAccessedAndDirty<F extends Failure>(
  memory: GpteMemory<F>,
  { gfn, steps }: GuestWalk,
  dirty: boolean,
): Routine<GuestWalk | undefined | F> {
  const now: WalkStep[] = [];
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as WalkStep;
    const wanted = GpteBits.Accessed | (dirty && i === steps.length - 1 ? GpteBits.Dirty : 0);
    const low = (step.low | wanted) >>> 0;
    if (low !== step.low) {
      const done = yield* memory.compareExchange(step.gpa, toBytes(step.low, step.high), toBytes(low, step.high));
      if (typeof done !== 'boolean') return done;
      if (!done) return undefined;
    }
    now.push({ ...step, low });
  }
  return { gfn, steps: now };
}

/** What one entry allows. */
export function rightsOf(low: number, high: number): number {
  return (
    ((low & GpteBits.Writable) !== 0 ? Rights.Write : 0) |
    ((low & GpteBits.User) !== 0 ? Rights.User : 0) |
    ((high & GPTE_NO_EXECUTE) === 0 ? Rights.Execute : 0)
  );
}

/** Little endian, both unsigned. */
export function words(bytes: Uint8Array, at = 0): readonly [low: number, high: number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, GPTE_BYTES);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}

export function toBytes(low: number, high: number): Uint8Array {
  const bytes = new Uint8Array(GPTE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
  return bytes;
}
