/** The one error of this package: a user's file is not what it should be. */

/** What is wrong, for programs. @public */
export type TraceErrorCode =
  | 'cannot-open'
  | 'not-a-file'
  | 'empty'
  | 'unknown-format'
  | 'corrupt'
  | 'truncated'
  | 'syntax'
  | 'undefined-name'
  | 'task-order'
  | 'out-of-order';

/** Where and what; see {@link TraceError}. @public */
export interface TraceErrorFields {
  readonly code: TraceErrorCode;
  readonly file: string;
  /** From 1; 0 where the trouble is the file as a whole. */
  readonly line?: number;
  /** From 1; 0 where the trouble is the line as a whole. */
  readonly column?: number;
  readonly found: string;
  readonly expected: string;
}

/**
 * Bad input. The message is one line: `FILE:LINE:COLUMN: found X, expected Y`, without the parts that do not apply.
 * @public
 */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly expected: string;

  constructor(fields: TraceErrorFields) {
    const line = fields.line ?? 0;
    const column = fields.column ?? 0;
    const place = fields.file + (line > 0 ? `:${line}` : '') + (line > 0 && column > 0 ? `:${column}` : '');
    super(`${place}: found ${fields.found}, expected ${fields.expected}`);
    this.code = fields.code;
    this.file = fields.file;
    this.line = line;
    this.column = column;
    this.found = fields.found;
    this.expected = fields.expected;
  }
}

/** Shows a piece of the user's text in an error: quoted, printable, cut where it is long. */
export function quote(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(short);
}
