/**
 * What the event language can say and this machine cannot do yet. `run` refuses a script that uses it before anything
 * happens; `replay` leaves such calls out, and says which.
 */

export const MISSING_VERBS: ReadonlySet<string> = new Set(['migrate', 'compact', 'ksm', 'collapse', 'split', 'poison']);

/**
 * Advices about huge pages and same-page merging. `run` gives them to a machine that has neither and answers EINVAL;
 * a recording was made where they succeeded, so `replay` leaves them out.
 */
export const MISSING_ADVICE: ReadonlySet<string> = new Set([
  'hugepage',
  'nohugepage',
  'collapse',
  'mergeable',
  'unmergeable',
]);
