/** What each address-space call does to a list of mappings, and how many touched pages it hits. */
import type { EventOrigin } from '../event-sink.ts';
import type { MmEvent } from '../event.ts';
import { PAGE_SIZE, pageUp } from '../pages.ts';
import { mappingOf } from './counted-process.ts';
import type { CountedProcess } from './counted-process.ts';
import { PageBit } from './page-flags.ts';
import type { TruthState } from './truth-state.ts';

/** Applies a call to the mappings of its process. */
export function applyCall(state: TruthState, process: CountedProcess, event: MmEvent, origin: EventOrigin): void {
  // A script may name addresses that only its runner knows.
  if (!('address' in event) || typeof event.address !== 'number') return;
  const start = event.address;
  if (event.verb === 'mmap') state.touchedThenUnmapped += process.map(mappingOf(event));
  else if (event.verb === 'munmap') {
    state.touchedThenUnmapped += process.unmap(start, pageUp(start + event.length));
  } else if (event.verb === 'mprotect') {
    state.mprotectTouched += process.protect(start, pageUp(start + event.length), event.protection);
  } else if (event.verb === 'madvise' && event.advice === 'dontneed') {
    state.dontneedTouched += process.discard(start, pageUp(start + event.length));
  } else if (event.verb === 'brk' && event.recorded?.kind === 'number')
    brk(state, process, event.recorded.value, origin);
  else if (event.verb === 'mremap' && event.recorded?.kind === 'number') {
    const { oldLength, newLength } = event;
    mremap(state, process, start, oldLength, newLength, event.recorded.value);
  }
}

function brk(state: TruthState, process: CountedProcess, result: number, origin: EventOrigin): void {
  if (process.heapStart === 0) {
    process.heapStart = result;
    process.heapEnd = result;
    // valgrind maps the first page of the heap by itself.
    if (origin === 'image')
      process.map({ start: result, end: result + PAGE_SIZE, protection: 'rwx', growsDown: false });
    return;
  }
  const before = pageUp(process.heapEnd);
  const after = pageUp(result);
  if (after > before) {
    const start = process.mappings.find(before)?.end ?? before;
    if (start < after)
      state.touchedThenUnmapped += process.map({ start, end: after, protection: 'rw', growsDown: false });
  } else if (after < before) state.touchedThenUnmapped += process.unmap(after, before);
  process.heapEnd = result;
}

function mremap(
  state: TruthState,
  process: CountedProcess,
  address: number,
  oldLength: number,
  newLength: number,
  result: number,
): void {
  const old = process.mappings.find(address);
  const rest = { protection: old?.protection ?? 'rw', growsDown: false } as const;
  const oldEnd = pageUp(address + oldLength);
  const newEnd = pageUp(result + newLength);
  if (result === address) {
    if (newEnd > oldEnd) state.touchedThenUnmapped += process.map({ ...rest, start: oldEnd, end: newEnd });
    else if (newEnd < oldEnd) state.touchedThenUnmapped += process.unmap(newEnd, oldEnd);
    return;
  }
  const moved: [number, number][] = [];
  process.flags.update(address / PAGE_SIZE, oldEnd / PAGE_SIZE, (flags, page) => {
    if ((flags & PageBit.present) !== 0) moved.push([page, flags]);
    return flags & 7;
  });
  state.mremapMovedTouched += moved.length;
  process.unmap(address, oldEnd);
  state.touchedThenUnmapped += process.map({ ...rest, start: result, end: newEnd });
  for (const [page, flags] of moved) {
    const to = page + (result - address) / PAGE_SIZE;
    if (to * PAGE_SIZE < newEnd) process.flags.set(to, process.flags.get(to) | (flags & ~7));
  }
}
