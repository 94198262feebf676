/** Arbitraries of single events, as lists of words. What they name (processes, files) is the caller's choice. */
import fc from 'fast-check';
import {
  PAGE,
  accessAddress,
  accessSize,
  address,
  bytes,
  fileLength,
  fileOffset,
  hex,
  length,
  lengthOrHuge,
  pageAddress,
  pages,
} from './arena.ts';

/** One event: the words of its line. */
export type Words = readonly string[];

/** `first`: what the model began with. `all`: everything that the runner can do and that answers the same each time. */
export type Width = 'first' | 'all';

export const FILES: readonly string[] = ['f', 'g'];

const file = fc.constantFrom(...FILES);
const hexAddress = address.map(hex);
const hexLength = length.map(hex);
const hexLengthOrHuge = lengthOrHuge.map(hex);

/** `rw` most of all, since the rest of the script lives on it. */
const protection = fc.oneof(
  { weight: 12, arbitrary: fc.constant('rw') },
  { weight: 5, arbitrary: fc.constant('r') },
  { weight: 2, arbitrary: fc.constantFrom('-', 'rwx', 'rx') },
);

/** What a process may not read but x86 reads; what a device may read of it depends on what is mapped already. */
const unreadable = fc.constantFrom('w', 'x', 'wx');

function protectionOf(width: Width): fc.Arbitrary<string> {
  if (width === 'first') return protection;
  return fc.oneof({ weight: 20, arbitrary: protection }, { weight: 1, arbitrary: unreadable });
}

const ADVICES: Readonly<Record<Width, readonly string[]>> = {
  first: ['dontneed', 'dontneed', 'dontneed', 'dontneed', 'willneed', 'dontfork', 'dofork', 'wipeonfork', 'keeponfork'],
  all: ['dontneed', 'free', 'willneed', 'remove', 'cold', 'populate_read', 'populate_write', 'wipeonfork', 'dontfork'],
};

/** All the calls about one range are `process verb address length ...`. */
const placement = fc.oneof(
  { weight: 12, arbitrary: fc.constant('fixed') },
  { weight: 1, arbitrary: fc.constant('fixed_noreplace') },
);

function extraFlags(width: Width): fc.Arbitrary<string> {
  const usual = ['', '', '', '', '', '', '', ',populate', ',noreserve'];
  return fc.constantFrom(...usual, ...(width === 'all' ? [',stack', ',growsdown', ',locked'] : []));
}

/** Memory of its own comes twice as often as memory of a file. */
function mmap(width: Width): fc.Arbitrary<Words> {
  const sharing = fc.constantFrom('private', 'private', 'shared');
  const start = fc.tuple(hexAddress, hexLengthOrHuge, protectionOf(width));
  const anonymous = fc
    .tuple(start, sharing, placement, extraFlags(width))
    .map(([range, share, place, extra]) => ['mmap', ...range, `${share},anonymous,${place}${extra}`]);
  const ofFile = fc
    .tuple(start, sharing, placement, fc.constantFrom('', '', ',populate'), file, fileOffset.map(hex))
    .map(([range, share, place, extra, name, at]) => ['mmap', ...range, `${share},${place}${extra}`, name, at]);
  return fc.oneof({ weight: 2, arbitrary: anonymous }, { weight: 1, arbitrary: ofFile });
}

/**
 * Only calls whose answer is not the kernel's choice: in place, or to a given address. An equal length moves all
 * mappings of a range, so it comes often.
 */
function mremap(width: Width): fc.Arbitrary<Words> {
  const inPlace = fc.tuple(hexAddress, hexLength, hexLengthOrHuge).map((arguments_) => ['mremap', ...arguments_, '-']);
  const target = fc.oneof({ weight: 30, arbitrary: pageAddress }, { weight: 1, arbitrary: address }).map(hex);
  const flags = fc.constantFrom('maymove,fixed', ...(width === 'all' ? ['maymove,fixed,dontunmap'] : []));
  const moved = fc
    .tuple(hexAddress, pages.map(hex), target, flags)
    .map(([from, size, to, flag]) => ['mremap', from, size, size, flag, to]);
  const resized = fc
    .tuple(hexAddress, hexLength, hexLength, target)
    .map(([from, old, size, to]) => ['mremap', from, old, size, 'maymove,fixed', to]);
  return fc.oneof(inPlace, moved, resized);
}

const brk = fc.integer({ min: -1, max: 0x6000 }).map((offset) => ['brk', hex(0x1000000 + offset)]);

/** Without process: `['load', '0x100000000', '0x4']`. */
export function memoryCall(width: Width): fc.Arbitrary<Words> {
  const range = fc.tuple(hexAddress, hexLengthOrHuge);
  const later = fc.oneof(
    brk,
    fc.tuple(fc.constantFrom('mlock', 'munlock'), hexAddress, hexLength),
    fc.tuple(fc.constant('msync'), hexAddress, hexLength, fc.constantFrom('sync', 'async', '-', 'async,sync')),
  );
  return fc.oneof(
    { weight: 11, arbitrary: mmap(width) },
    { weight: 4, arbitrary: range.map((words) => ['munmap', ...words]) },
    { weight: 8, arbitrary: fc.tuple(range, protectionOf(width)).map(([words, prot]) => ['mprotect', ...words, prot]) },
    { weight: 6, arbitrary: mremap(width) },
    {
      weight: 4,
      arbitrary: fc.tuple(fc.constant('madvise'), hexAddress, hexLength, fc.constantFrom(...ADVICES[width])),
    },
    { weight: width === 'all' ? 2 : 0, arbitrary: later },
  );
}

/** What a device can do too. */
export const loadOrStore: fc.Arbitrary<Words> = fc.oneof(
  fc.tuple(fc.constant('load'), accessAddress.map(hex), accessSize.map(hex)),
  fc.tuple(fc.constant('store'), accessAddress.map(hex), fc.oneof(accessSize.map(hex), bytes)),
);

export const access: fc.Arbitrary<Words> = fc.oneof(
  { weight: 12, arbitrary: loadOrStore },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('modify', 'fetch'), accessAddress.map(hex), accessSize.map(hex)) },
);

/** Most of the arena is mapped when a script begins. */
export const firstMappings: fc.Arbitrary<readonly Words[]> = fc.array(
  fc
    .tuple(pageAddress.map(hex), fc.integer({ min: 4, max: 24 }), fc.constantFrom('private', 'shared'), fc.option(file))
    .map(([start, count, share, name]) =>
      name === null
        ? ['mmap', start, hex(count * PAGE), 'rw', `${share},anonymous,fixed`]
        : ['mmap', start, hex(count * PAGE), 'rw', `${share},fixed`, name, '0x0'],
    ),
  { minLength: 2, maxLength: 6 },
);

export const newFile: fc.Arbitrary<Words> = fileLength
  .filter((size) => size >= PAGE)
  .chain((size) => bytes.map((data) => [hex(size), data]));

export const fileEvent: fc.Arbitrary<Words> = fc.oneof(
  fc.tuple(file, fileLength).map(([name, size]) => ['machine', 'truncate', name, hex(size)]),
  fc.tuple(file, fileLength, bytes).map(([name, at, data]) => ['machine', 'write', name, hex(at), data]),
);
