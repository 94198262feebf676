/** The words of the event language. Each list is checked against its type, so that a new word is added in one place. */
import type { Advice, MmapFlag, MremapFlag, MsyncFlag, Protection } from '../event.ts';

export const MMAP_FLAGS: readonly MmapFlag[] = [
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

export const MREMAP_FLAGS: readonly MremapFlag[] = ['maymove', 'fixed', 'dontunmap'];

export const MSYNC_FLAGS: readonly MsyncFlag[] = ['async', 'sync', 'invalidate'];

export const ADVICES: readonly Advice[] = [
  'dontneed',
  'free',
  'remove',
  'willneed',
  'cold',
  'pageout',
  'hugepage',
  'nohugepage',
  'collapse',
  'mergeable',
  'unmergeable',
  'dontfork',
  'dofork',
  'wipeonfork',
  'keeponfork',
  'populate_read',
  'populate_write',
];

export const PROCESS_VERBS: readonly string[] = [
  'load',
  'store',
  'modify',
  'fetch',
  'mmap',
  'munmap',
  'mprotect',
  'mremap',
  'madvise',
  'brk',
  'mlock',
  'munlock',
  'msync',
  'mincore',
  'fork',
  'vfork',
  'exit',
  'exec',
  'signal',
  'maps',
  'pagemap',
  'rss',
];

export const MACHINE_VERBS: readonly string[] = [
  'file',
  'truncate',
  'write',
  'sync',
  'attach',
  'detach',
  'reclaim',
  'migrate',
  'compact',
  'ksm',
  'collapse',
  'split',
  'oom',
  'poison',
  'stats',
  'check',
];

/** Verbs whose result is bytes; the others answer a number, a process or nothing. */
export const BYTES_VERBS: ReadonlySet<string> = new Set(['load', 'fetch', 'modify']);

/** What a name of a process, a device, a task or a binding looks like. */
export const NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads `rw`, `r-x`, `-`; `undefined` for anything else. */
export function parseProtection(text: string): Protection | undefined {
  const match = /^(?:(r?)(w?)(x?)|([r-])([w-])([x-])|-)$/.exec(text);
  if (match === null || text === '') return undefined;
  const letters = text.replaceAll('-', '');
  return letters === '' ? '-' : (letters as Protection);
}
