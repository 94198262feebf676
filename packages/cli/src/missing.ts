/**
 * What the event language can say and this machine cannot do yet. `run` refuses a script that uses it before anything
 * happens; `replay` leaves such calls out, and says which.
 */

export const MISSING_VERBS: ReadonlySet<string> = new Set([
  'mlock',
  'munlock',
  'msync',
  'mincore',
  'migrate',
  'compact',
  'ksm',
  'collapse',
  'split',
  'oom',
  'poison',
]);

export const MISSING_ADVICE: ReadonlySet<string> = new Set([
  'remove',
  'cold',
  'pageout',
  'hugepage',
  'nohugepage',
  'collapse',
  'mergeable',
  'unmergeable',
  'populate_read',
  'populate_write',
]);

export const MISSING_MMAP_FLAGS: ReadonlySet<string> = new Set(['hugetlb', 'locked']);
