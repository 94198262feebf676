/** Simpler forms of one event, best first: what shrinking tries once no event can be left out any more. */
import { ARENA, PAGE, hex } from './arena.ts';
import type { Words } from './events.ts';

/** Flags without which an event may be a different one, not a simpler one. */
const NEEDED: ReadonlySet<string> = new Set(['private', 'shared', 'anonymous', 'fixed', 'maymove', 'dontunmap']);

const ACCESSES: ReadonlySet<string> = new Set(['load', 'store', 'modify', 'fetch']);

export function* simplify(words: Words): Generator<Words> {
  for (let at = 1; at < words.length; at++) {
    for (const word of simplerWords(words, at)) {
      if (word !== words[at]) yield [...words.slice(0, at), word, ...words.slice(at + 1)];
    }
  }
}

function* simplerWords(words: Words, at: number): Generator<string> {
  const word = words[at] as string;
  if (/^0x[0-9a-f]+$/.test(word)) yield* simplerNumbers(Number(word), ACCESSES.has(words[1] as string) ? 1 : PAGE);
  else if (word.includes(',')) yield* withoutOneFlag(word.split(','));
  else if (words[1] === 'store' && at === 3) yield '0x1';
  else if (words[1] === 'mprotect' && at === 4) yield* ['r', 'rw'];
  else if (words[1] === 'mmap' && at === 4) yield 'rw';
  else if (/^p[0-9]+$/.test(word)) yield 'p1';
}

/** Lengths go down to `unit`, addresses to the start of the arena: at once, by halves, by one page. */
function* simplerNumbers(value: number, unit: number): Generator<string> {
  if (value < ARENA) {
    const lower = [unit, PAGE, Math.floor(value / 2 / PAGE) * PAGE, value - PAGE, value - (value % PAGE)];
    for (const number of new Set(lower)) if (number >= unit && number < value) yield hex(number);
    return;
  }
  const offset = value - ARENA;
  const page = Math.floor(offset / PAGE);
  const places = [page * PAGE, Math.floor(page / 2) * PAGE, (page - 1) * PAGE + (offset % PAGE)];
  for (const place of new Set(places)) if (place >= 0 && place < offset) yield hex(ARENA + place);
}

function* withoutOneFlag(flags: readonly string[]): Generator<string> {
  for (const flag of flags) {
    if (!NEEDED.has(flag)) yield flags.filter((other) => other !== flag).join(',');
  }
}
