/** Scripts about the heap: the arena lies where `brk` maps, so that every call meets it. */
import { ARENA, ARENA_PAGES, PAGE, hex } from './arena.ts';
import type { Words } from './events.ts';

/** Where `brk` begins in every process of the runner. */
export const HEAP = 0x1000000;

/** The same event, with the addresses of the arena moved to the heap. */
export function overTheHeap(words: Words): Words {
  return words.map((word) => {
    const offset = word.startsWith('0x') ? Number(word) - ARENA : -1;
    return offset >= 0 && offset < ARENA_PAGES * PAGE ? hex(HEAP + offset) : word;
  });
}
