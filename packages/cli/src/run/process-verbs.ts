/** Runs the events whose actor is a process. */
import type { CpuAccessKind, Machine, MapsEntry, Process } from '@mmu-notifier/core';
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { MmapEvent, MremapEvent, ProcessEvent } from '@mmu-notifier/trace';
import { hex } from '../sizes.ts';
import { MAP_FAILED } from './bindings.ts';
import {
  DONE,
  type Outcome,
  addressResult,
  answer,
  bytes,
  callResult,
  errno,
  number,
  processName,
  signal,
  words,
} from './outcome.ts';
import { storePattern } from './pattern.ts';
import type { World } from './world.ts';

/** What an access to `MAP_FAILED` meets: the last byte of the kernel's half. */
const BEYOND_USER_SPACE: Outcome = {
  fields: { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: '0xffffffffffffffff' },
  value: { kind: 'signal', name: 'SIGSEGV' },
};

export function* runProcessEvent(world: World, event: ProcessEvent): Routine<Outcome> {
  const process = world.process(event.actor.name);
  if (process === undefined) return errno('ESRCH');
  switch (event.verb) {
    case 'load':
    case 'fetch':
    case 'modify':
      return yield* read(world, process, event.verb, event.address, event.size, event.line);
    case 'store':
      return yield* store(world, process, event);
    default:
      return yield* call(world, process, event);
  }
}

type Calls = Exclude<ProcessEvent, { verb: 'load' | 'fetch' | 'modify' | 'store' }>;

function* call(world: World, process: Process, event: Calls): Routine<Outcome> {
  const { machine } = world;
  if ('address' in event && world.bindings.address(event.address) === MAP_FAILED) return errno('EINVAL');
  switch (event.verb) {
    case 'fork':
    case 'vfork': {
      const child = yield* machine.syscalls[event.verb](process);
      return typeof child === 'string' ? errno(child) : processName(child.name);
    }
    case 'exec': {
      const failed = yield* machine.syscalls.exec(process);
      return failed === undefined ? DONE : errno(failed);
    }
    case 'exit':
      yield* machine.syscalls.exit(process);
      return DONE;
    case 'signal':
      machine.syscalls.signal(process);
      return DONE;
    case 'maps':
      return answer(machine.syscalls.maps(process).map(printMapsEntry));
    case 'rss':
      return answer(machine.syscalls.rss(process));
    default:
      return yield* memoryCall(world, process, event);
  }
}

type MemoryCalls = Exclude<Calls, { verb: 'fork' | 'vfork' | 'exec' | 'exit' | 'signal' | 'maps' | 'rss' }>;

function* memoryCall({ machine, bindings }: World, process: Process, event: MemoryCalls): Routine<Outcome> {
  const { syscalls } = machine;
  const address = bindings.address(event.address);
  switch (event.verb) {
    case 'mmap':
      return yield* mmap(machine, process, event, address);
    case 'munmap':
      return callResult(yield* syscalls.munmap(process, address, event.length));
    case 'mprotect':
      return callResult(yield* syscalls.mprotect(process, address, event.length, event.protection));
    case 'mremap':
      return yield* mremap(machine, process, event, address, bindings.address(event.newAddress ?? 0));
    case 'madvise':
      return callResult(yield* syscalls.madvise(process, address, event.length, event.advice));
    case 'mlock':
      return callResult(yield* syscalls.mlock(process, address, event.length));
    case 'munlock':
      return callResult(yield* syscalls.munlock(process, address, event.length));
    case 'msync':
      return callResult(yield* syscalls.msync(process, address, event.length, event.flags));
    case 'mincore':
      return inCore(yield* syscalls.mincore(process, address, event.length));
    case 'brk':
      return number(yield* syscalls.brk(process, address));
    case 'pagemap':
      return answer(syscalls.pagemap(process, address, event.length));
  }
}

/** `0` and `1`, one a page. */
function inCore(result: Uint8Array | Errno): Outcome {
  return typeof result === 'string' ? errno(result) : words(result.join(''));
}

function* mmap(machine: Machine, process: Process, event: MmapEvent, address: number): Routine<Outcome> {
  const file = event.file === undefined ? undefined : machine.files.get(event.file);
  if (event.file !== undefined && file === undefined) return errno('ENOENT');
  const request = {
    address,
    length: event.length,
    prot: event.protection,
    flags: event.flags,
    ...(file === undefined ? {} : { file, offset: event.offset ?? 0 }),
  };
  return addressResult(yield* machine.syscalls.mmap(process, request));
}

function* mremap(machine: Machine, process: Process, event: MremapEvent, from: number, to: number): Routine<Outcome> {
  if (to === MAP_FAILED) return errno('EINVAL');
  return addressResult(
    yield* machine.syscalls.mremap(process, from, event.oldLength, event.newLength, event.flags, to),
  );
}

function* read(
  world: World,
  process: Process,
  verb: 'load' | 'fetch' | 'modify',
  operand: Parameters<World['bindings']['address']>[0],
  size: number,
  line: number,
): Routine<Outcome> {
  const address = world.bindings.address(operand);
  if (address === MAP_FAILED) return BEYOND_USER_SPACE;
  const data = new Uint8Array(size);
  const kind: CpuAccessKind = verb === 'fetch' ? 'fetch' : 'load';
  const failed = yield* world.machine[kind](process, address, size, data);
  if (failed !== undefined) return signal(failed);
  if (verb !== 'modify') return bytes(data);
  const stopped = yield* world.machine.store(process, address, size, storePattern(line, size));
  return stopped === undefined ? bytes(data) : signal(stopped);
}

function* store(world: World, process: Process, event: Extract<ProcessEvent, { verb: 'store' }>): Routine<Outcome> {
  const address = world.bindings.address(event.address);
  if (address === MAP_FAILED) return BEYOND_USER_SPACE;
  const data = event.data ?? storePattern(event.line, event.size);
  const failed = yield* world.machine.store(process, address, data.length, data);
  return failed === undefined ? DONE : signal(failed);
}

/** As `/proc/PID/maps` shows it. */
function printMapsEntry(entry: MapsEntry): Record<string, unknown> {
  const { start, end, prot, shared, offset, file } = entry;
  return { start: hex(start), end: hex(end), prot, shared, offset: hex(offset), file: file ?? null };
}
