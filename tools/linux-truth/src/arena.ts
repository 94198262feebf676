/**
 * Where random scripts work: 64 pages at 4 GiB, so few that ranges overlap all the time, and half of all ranges begin
 * in the first 16 of them. Most arguments are good; some are those that a careless program would pass.
 */
import fc from 'fast-check';

export const ARENA = 0x100000000;
export const PAGE = 0x1000;
export const ARENA_PAGES = 64;

/** User space ends here. */
const TASK_SIZE = 0x7ffffffff000;

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** A page of the arena, as an address. */
export const pageAddress: fc.Arbitrary<number> = fc
  .oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: ARENA_PAGES - 1 }))
  .map((page) => ARENA + page * PAGE);

/** A length in whole pages. */
export const pages: fc.Arbitrary<number> = fc
  .oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 2, arbitrary: fc.integer({ min: 5, max: 16 }) },
  )
  .map((count) => count * PAGE);

/** Mostly a whole page; one in thirty is not aligned, one in two hundred is beyond user space. */
export const address: fc.Arbitrary<number> = fc.oneof(
  { weight: 192, arbitrary: pageAddress },
  { weight: 7, arbitrary: pageAddress.chain((page) => fc.constantFrom(page + 0x800, page + 1)) },
  { weight: 1, arbitrary: fc.constantFrom(TASK_SIZE, TASK_SIZE + PAGE) },
);

/** Mostly whole pages; also lengths that are rounded up, and 0. */
export const length: fc.Arbitrary<number> = fc.oneof(
  { weight: 90, arbitrary: pages },
  { weight: 6, arbitrary: pages.chain((whole) => fc.constantFrom(whole + 1, whole - 1, whole - 0x800)) },
  { weight: 3, arbitrary: fc.constant(0) },
);

/** As {@link length}, and sometimes longer than user space: for calls that refuse it before they do anything. */
export const lengthOrHuge: fc.Arbitrary<number> = fc.oneof(
  { weight: 120, arbitrary: length },
  { weight: 1, arbitrary: fc.constantFrom(TASK_SIZE, TASK_SIZE + PAGE) },
);

/** Where an access begins: anywhere in a page, often just before its end. */
export const accessAddress: fc.Arbitrary<number> = fc
  .tuple(
    pageAddress,
    fc.oneof(fc.constant(0), fc.integer({ min: 0, max: PAGE - 1 }), fc.integer({ min: PAGE - 8, max: PAGE - 1 })),
  )
  .map(([page, offset]) => page + offset);

/** How many bytes an access has. */
export const accessSize: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 16 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((count) => count * PAGE) },
);

/** Offsets and lengths of files: whole pages, and parts of one. */
export const fileLength: fc.Arbitrary<number> = fc
  .tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom(0, 0, 0, 1, 0x800, 0xfff))
  .map(([count, rest]) => count * PAGE + rest);

export const fileOffset: fc.Arbitrary<number> = fc.oneof(
  { weight: 40, arbitrary: fc.integer({ min: 0, max: 8 }).map((count) => count * PAGE) },
  { weight: 1, arbitrary: fc.constantFrom(0x800, 0x1001) },
);

/** Bytes as hex digits. */
export const bytes: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 1, maxLength: 8 })
  .map((data) => Buffer.from(data).toString('hex'));
