/** Events by name, as a `.truth.json` counts them: `mmap`, `mmap.anonPrivate`, `brk.grow`, `madvise.DONTNEED`. */
import type { MmEvent } from '../event.ts';
import type { EventCount } from './truth-report.ts';

/** Names under which an event counts. `heapEnd` is where the heap ended before. */
export function eventNames(event: MmEvent, heapEnd: number): string[] {
  switch (event.verb) {
    case 'mmap': {
      const what = event.flags.includes('anonymous') ? 'anon' : 'file';
      const names = ['mmap', `mmap.${what}${event.flags.includes('shared') ? 'Shared' : 'Private'}`];
      return event.flags.includes('fixed') ? [...names, 'mmap.fixed'] : names;
    }
    case 'brk': {
      const result = event.recorded?.kind === 'number' ? event.recorded.value : heapEnd;
      if (heapEnd === 0 || result === heapEnd) return ['brk'];
      return ['brk', result > heapEnd ? 'brk.grow' : 'brk.shrink'];
    }
    case 'mremap': {
      const inPlace = event.recorded?.kind === 'number' && event.recorded.value === event.address;
      return ['mremap', inPlace ? 'mremap.inPlace' : 'mremap.moved'];
    }
    case 'madvise':
      return [`madvise.${event.advice.toUpperCase()}`];
    case 'exit':
      return ['exit_group'];
    case 'exec':
      return ['execve.attempt'];
    case 'munmap':
    case 'mprotect':
    case 'mlock':
    case 'munlock':
    case 'msync':
    case 'mincore':
    case 'fork':
    case 'vfork':
      return [event.verb];
    default:
      return [];
  }
}

/** Counts an event that succeeded. */
export function countEvent(counts: Map<string, EventCount>, event: MmEvent, heapEnd: number): void {
  for (const name of eventNames(event, heapEnd)) entry(counts, name).ok++;
}

/** The counter of a name. */
export function entry(counts: Map<string, EventCount>, name: string): EventCount {
  let count = counts.get(name);
  if (count === undefined) {
    count = { ok: 0, failed: 0 };
    counts.set(name, count);
  }
  return count;
}
