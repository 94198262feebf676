/** Runs the calls of a recording: mappings go where the recording had them, results are held against its results. */
import type { Machine, Process } from '@mmu-notifier/core';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { isReference } from '@mmu-notifier/trace';
import type { BrkEvent, MmapEvent, MmEvent, MremapEvent, Operand } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { fileContents } from './file-contents.ts';
import { MISSING_ADVICE } from '../missing.ts';
import { hex } from '../sizes.ts';

/** How a call went. */
export type CallResult =
  /** As recorded. */
  | { readonly kind: 'done' }
  | { readonly kind: 'errno'; readonly errno: Errno }
  | { readonly kind: 'differs'; readonly message: string }
  /** This machine has no such call. */
  | { readonly kind: 'left-out'; readonly name: string };

export type ProcessCall = Extract<MmEvent, { actor: { kind: 'process' } }>;
export type MachineCall = Extract<MmEvent, { actor: { kind: 'machine' } }>;

const DONE: CallResult = { kind: 'done' };

/** What has no effect on a machine without huge pages. */
const IGNORED_FLAGS: ReadonlySet<string> = new Set(['hugetlb']);

/** Calls that change an address space. Processes coming and going are the player's business. */
export function* replayCall(machine: Machine, process: Process, event: ProcessCall): Routine<CallResult> {
  const { syscalls } = machine;
  switch (event.verb) {
    case 'mmap':
      return yield* mmap(machine, process, event);
    case 'munmap':
      return outcome(yield* syscalls.munmap(process, at(event.address, event), event.length));
    case 'mprotect':
      return outcome(yield* syscalls.mprotect(process, at(event.address, event), event.length, event.protection));
    case 'mremap':
      return yield* mremap(machine, process, event);
    case 'madvise':
      if (MISSING_ADVICE.has(event.advice)) return { kind: 'left-out', name: `madvise ${event.advice}` };
      return outcome(yield* syscalls.madvise(process, at(event.address, event), event.length, event.advice));
    case 'mlock':
      return outcome(yield* syscalls.mlock(process, at(event.address, event), event.length));
    case 'munlock':
      return outcome(yield* syscalls.munlock(process, at(event.address, event), event.length));
    case 'msync':
      return outcome(yield* syscalls.msync(process, at(event.address, event), event.length, event.flags));
    case 'mincore': {
      const pages = yield* syscalls.mincore(process, at(event.address, event), event.length);
      return typeof pages === 'string' ? outcome(pages) : DONE;
    }
    case 'brk':
      return yield* brk(machine, process, event);
    case 'load':
    case 'store':
    case 'modify':
    case 'fetch':
      // Accesses to numbers come to the player one by one; what comes here names its address.
      at(event.address, event);
      return { kind: 'left-out', name: event.verb };
    default:
      return { kind: 'left-out', name: event.verb };
  }
}

/** Files, and background work that a recording may ask for. Devices come from the command line. */
export function* replayMachineCall(machine: Machine, event: MachineCall): Routine<CallResult> {
  const { files } = machine;
  switch (event.verb) {
    case 'file':
      files.create(event.file, event.length, event.data ?? fileContents(event.file));
      return DONE;
    case 'truncate':
      yield* files.truncate(event.file, event.length);
      return DONE;
    case 'write':
      yield* files.write(event.file, event.offset, event.data);
      return DONE;
    case 'sync':
      yield* files.sync(event.file);
      return DONE;
    case 'reclaim':
      yield* machine.reclaim(event.pages);
      return DONE;
    default:
      return { kind: 'left-out', name: `machine ${event.verb}` };
  }
}

/** Where the recorded kernel chose the address, nothing was mapped there: to place it there replaces nothing. */
function* mmap(machine: Machine, process: Process, event: MmapEvent): Routine<CallResult> {
  const file = event.file === undefined ? undefined : machine.files.get(event.file);
  if (event.file !== undefined && file === undefined)
    return { kind: 'differs', message: `there is no file ${event.file}` };
  const wanted = recordedAddress(event);
  const flags = event.flags.filter((flag) => !IGNORED_FLAGS.has(flag));
  if (wanted !== undefined && !flags.includes('fixed')) flags.push('fixed');
  const request = {
    address: wanted ?? at(event.address, event),
    length: event.length,
    prot: event.protection,
    flags,
    ...(file === undefined ? {} : { file, offset: event.offset ?? 0 }),
  };
  return expectAddress(event, yield* machine.syscalls.mmap(process, request), wanted);
}

/** A move goes where the recorded one went; growing in place has to work in place. */
function* mremap(machine: Machine, process: Process, event: MremapEvent): Routine<CallResult> {
  const wanted = recordedAddress(event);
  const from = at(event.address, event);
  const moved = wanted !== undefined && wanted !== from;
  const flags = moved && !event.flags.includes('fixed') ? [...event.flags, 'fixed' as const] : event.flags;
  const to = moved ? wanted : at(event.newAddress ?? 0, event);
  const result = yield* machine.syscalls.mremap(process, from, event.oldLength, event.newLength, flags, to);
  return expectAddress(event, result, wanted);
}

/** The first `brk` of an image says where its heap begins. */
function* brk(machine: Machine, process: Process, event: BrkEvent): Routine<CallResult> {
  const wanted = recordedAddress(event);
  const asked = at(event.address, event);
  if (asked === 0 && wanted !== undefined && machine.syscalls.heapStart(process) === 0) {
    machine.syscalls.setInitialBrk(process, wanted);
    return DONE;
  }
  return expectAddress(event, yield* machine.syscalls.brk(process, asked), wanted);
}

function outcome(result: Errno | undefined): CallResult {
  return result === undefined ? DONE : { kind: 'errno', errno: result };
}

function expectAddress(event: MmEvent, result: number | Errno, wanted: number | undefined): CallResult {
  if (typeof result === 'string') return { kind: 'errno', errno: result };
  if (wanted === undefined || result === wanted) return DONE;
  return { kind: 'differs', message: `${event.verb} answered ${hex(result)}, recorded was ${hex(wanted)}` };
}

function recordedAddress({ recorded }: MmEvent): number | undefined {
  return recorded?.kind === 'number' ? recorded.value : undefined;
}

function at(operand: Operand, { line }: MmEvent): number {
  if (!isReference(operand)) return operand;
  throw new InputError(
    `line ${line}: found $${operand.name}, expected a number: a recording says where things were; scripts are for run`,
  );
}
