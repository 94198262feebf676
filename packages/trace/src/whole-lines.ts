/** Cuts a stream of chunks at line ends, without copying more than the line that a chunk breaks. */
import { TraceError } from './trace-error.ts';

const NEWLINE = 0x0a;
/** A line longer than this is no text. */
const MAX_LINE = 4 * 1024 * 1024;

/** `bytes[0..end)` are whole lines; what lies behind `end` comes again with the next piece. */
export interface LinePiece {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Behind the last line end of the file there was this much more. */
  readonly unfinished: boolean;
}

/** Pieces of whole lines in order; the last one, without a line end, is marked `unfinished`. */
export async function* wholeLines(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<LinePiece, void, void> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    let from = 0;
    if (rest.length > 0) {
      from = chunk.indexOf(NEWLINE) + 1;
      rest = Buffer.concat([rest, from === 0 ? chunk : chunk.subarray(0, from)]);
      if (from > 0) yield { bytes: rest, end: rest.length, unfinished: false };
    }
    if (rest.length === 0 || from > 0) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end > from) yield { bytes: chunk.subarray(from), end: end - from, unfinished: false };
      // A copy: the chunk may be used again by whoever unpacks.
      rest = Uint8Array.prototype.slice.call(chunk, end);
    }
    if (rest.length > MAX_LINE) {
      const expected = `lines of text of at most ${MAX_LINE} bytes`;
      throw new TraceError({ code: 'unknown-format', file, found: `no line end in ${rest.length} bytes`, expected });
    }
  }
  if (rest.length > 0) yield { bytes: rest, end: rest.length, unfinished: true };
}
