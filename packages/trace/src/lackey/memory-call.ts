/** Address-space calls that succeeded, as events of the event language. */
import type { MmEvent, ProcessActor } from '../event.ts';
import type { NumberValue } from '../value.ts';
import { adviceOf, mmapFlagsOf, mremapFlagsOf, msyncFlagsOf, protectionOf } from './linux.ts';
import { ADDRESS_LIMIT } from '../script/number.ts';
import { fdArgument, numberArgument } from './syscall-line.ts';
import type { Call } from './syscall-line.ts';

/** Calls that this file turns into events. */
export const MEMORY_CALLS: ReadonlySet<string> = new Set([
  'brk',
  'mmap',
  'munmap',
  'mprotect',
  'mremap',
  'madvise',
  'mlock',
  'munlock',
  'msync',
  'mincore',
]);

/** Calls that change an address space in ways that the event language cannot say. */
export const UNSUPPORTED_CALLS: ReadonlySet<string> = new Set([
  'shmat',
  'shmdt',
  'remap_file_pages',
  'mlockall',
  'munlockall',
  'mlock2',
  'pkey_mprotect',
  'process_madvise',
  'userfaultfd',
  'io_uring_setup',
]);

/** Who called, where the line stands, and which file a descriptor means. */
export interface CallContext {
  readonly actor: ProcessActor;
  readonly line: number;
  fileName(fd: number): string;
}

/** How many leading arguments of a call are addresses and lengths. */
const RANGE_ARGUMENTS: Readonly<Record<string, number>> = { brk: 1, mremap: 3 };

/** Largest `read` that Linux makes (`MAX_RW_COUNT`). */
const MAX_BUFFER = 0x7ffff000;

/** Whether the numbers of a successful call can be true: there, and inside 47 bits. */
export function isPlausible(call: Call, result: number): boolean {
  if (KERNEL_BUFFER_CALLS.has(call.name)) {
    const address = numberArgument(call, 1);
    return result <= 0 || (result <= MAX_BUFFER && address + result <= ADDRESS_LIMIT);
  }
  if (!MEMORY_CALLS.has(call.name)) return true;
  if (call.name === 'mmap' && !(numberArgument(call, 3) >= 0)) return false;
  for (let i = 0; i < (RANGE_ARGUMENTS[call.name] ?? 2); i++) {
    const value = numberArgument(call, i);
    if (!(value >= 0 && value <= ADDRESS_LIMIT)) return false;
  }
  return result <= ADDRESS_LIMIT;
}

/** The event; `undefined` where the arguments make none (an advice that the language does not have). */
export function memoryEvent(call: Call, result: number, context: CallContext): MmEvent | undefined {
  const { actor, line } = context;
  const address = numberArgument(call, 0);
  const recorded: NumberValue = { kind: 'number', value: result };
  const base = { actor, line, address, recorded };
  if (call.name === 'brk') return { ...base, verb: 'brk' };
  if (call.name === 'mmap') return mmapEvent(call, base, context);
  if (call.name === 'mremap') return mremapEvent(call, base);
  const range = { actor, line, address, length: numberArgument(call, 1) };
  switch (call.name) {
    case 'munmap':
    case 'mlock':
    case 'munlock':
    case 'mincore':
      return { ...range, verb: call.name };
    case 'mprotect':
      return { ...range, verb: 'mprotect', protection: protectionOf(numberArgument(call, 2)) };
    case 'msync':
      return { ...range, verb: 'msync', flags: msyncFlagsOf(numberArgument(call, 2)) };
    default: {
      const advice = adviceOf(numberArgument(call, 2));
      return advice === undefined ? undefined : { ...range, verb: 'madvise', advice };
    }
  }
}

type Base = Pick<CallContext, 'actor' | 'line'> & { readonly address: number; readonly recorded: NumberValue };

function mmapEvent(call: Call, base: Base, context: CallContext): MmEvent {
  const protection = protectionOf(numberArgument(call, 2));
  const flags = mmapFlagsOf(numberArgument(call, 3));
  const event = { ...base, verb: 'mmap' as const, length: numberArgument(call, 1), protection, flags };
  if (flags.includes('anonymous')) return event;
  return { ...event, file: context.fileName(fdArgument(call, 4)), offset: numberArgument(call, 5) };
}

function mremapEvent(call: Call, base: Base): MmEvent {
  const flags = mremapFlagsOf(numberArgument(call, 3));
  const lengths = { oldLength: numberArgument(call, 1), newLength: numberArgument(call, 2) };
  const event = { ...base, ...lengths, verb: 'mremap' as const, flags };
  return flags.includes('fixed') ? { ...event, newAddress: numberArgument(call, 4) } : event;
}

/**
 * Calls whose result is the number of bytes that the kernel wrote into the buffer that is their second argument. Others
 * that fill memory (`stat`, `clock_gettime`, `readv`, …) are left out, as in the ground truth of the recordings.
 */
export const KERNEL_BUFFER_CALLS: ReadonlySet<string> = new Set([
  'read',
  'pread64',
  'recvfrom',
  'getdents',
  'getdents64',
]);

/** Where a call lets the kernel write what it returns, and how many bytes: `[address, size]`. */
export function kernelBuffer(call: Call, result: number): readonly [number, number] | undefined {
  if (!KERNEL_BUFFER_CALLS.has(call.name) || result <= 0) return undefined;
  return [numberArgument(call, 1), result];
}
