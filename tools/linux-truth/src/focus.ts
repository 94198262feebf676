/**
 * Where random scripts look: the ranges that were mapped and the bytes that were stored last. Addresses that are drawn
 * without it hit holes most of the time, and then nothing is compared but the fault.
 */
import fc from 'fast-check';
import { ARENA, ARENA_PAGES, PAGE, hex } from './arena.ts';
import type { Words } from './events.ts';

type Draw = <T>(arbitrary: fc.Arbitrary<T>) => T;

interface Range {
  readonly start: number;
  readonly pages: number;
}

/** How many ranges and stores are remembered. */
const MEMORY = 12;

const ACCESSES: ReadonlySet<string> = new Set(['load', 'store', 'modify', 'fetch']);
const CALLS: ReadonlySet<string> = new Set([
  'munmap',
  'mprotect',
  'mremap',
  'madvise',
  'mmap',
  'mlock',
  'munlock',
  'msync',
  'mincore',
]);

/** What ends at the first hole, or says little beyond one: mostly about a part of one mapping. */
const INSIDE: ReadonlySet<string> = new Set(['madvise', 'mlock', 'munlock', 'msync', 'mincore']);

export class Focus {
  private readonly draw: Draw;
  private ranges: Range[] = [];
  private stores: number[] = [];

  constructor(draw: Draw) {
    this.draw = draw;
  }

  /** The same event, mostly about memory that the script has dealt with. `words` begin with the verb. */
  aim(words: Words): Words {
    const [verb, address, ...rest] = words;
    if (verb === undefined || address === undefined) return words;
    const inside = INSIDE.has(verb) && this.ranges.length > 0 && this.draw(fc.integer({ min: 0, max: 99 })) < 60;
    const aimed = inside ? [verb, ...this.inside(), ...rest.slice(1)] : [verb, this.address(verb, address), ...rest];
    this.remember(aimed);
    return aimed;
  }

  private address(verb: string, drawn: string): string {
    const dice = this.draw(fc.integer({ min: 0, max: 99 }));
    const aligned = Number(drawn) % PAGE;
    if (verb === 'load' && dice < 40 && this.stores.length > 0) return hex(this.draw(fc.constantFrom(...this.stores)));
    if (this.ranges.length === 0) return drawn;
    if (ACCESSES.has(verb) && dice < 85) return hex(this.page() + aligned);
    const share = verb === 'mmap' ? 30 : 70;
    return CALLS.has(verb) && aligned === 0 && dice < share ? hex(this.page()) : drawn;
  }

  /** Often the first page of a range, where what is done to it is likely to split it or to fit. */
  private page(): number {
    const { start, pages } = this.draw(fc.constantFrom(...this.ranges));
    return start + this.draw(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: pages - 1 }))) * PAGE;
  }

  /** Address and length of a part of a range. */
  private inside(): Words {
    const { start, pages } = this.draw(fc.constantFrom(...this.ranges));
    const first = this.draw(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: pages - 1 })));
    const count = this.draw(fc.integer({ min: 1, max: pages - first }));
    return [hex(start + first * PAGE), hex(count * PAGE)];
  }

  private remember([verb, address, length, ...rest]: Words): void {
    if (verb === 'store') this.stores = [Number(address), ...this.stores].slice(0, MEMORY);
    if (verb === 'mmap') this.range(Number(address), Number(length));
    if (verb === 'mremap' && rest.length === 3) this.range(Number(rest[2]), Number(rest[0]));
  }

  private range(start: number, length: number): void {
    const pages = Math.ceil(length / PAGE);
    const inside = start >= ARENA && start < ARENA + ARENA_PAGES * PAGE && start % PAGE === 0;
    if (inside && pages > 0 && pages <= ARENA_PAGES) this.ranges = [{ start, pages }, ...this.ranges].slice(0, MEMORY);
  }
}
