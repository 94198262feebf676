/** Arbitraries of single events, as lists of words. What they name (processes, files) is the caller's choice. */
import fc from 'fast-check';
import {
  ARENA,
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
import { HEAP } from './heap.ts';

/** One event: the words of its line. */
export type Words = readonly string[];

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
  // What a process may not read but x86 reads.
  { weight: 1, arbitrary: fc.constantFrom('w', 'x', 'wx') },
);

/** All that this kernel and the model have: huge pages and same-page merging are not among them. */
const advice = fc.oneof(
  { weight: 4, arbitrary: fc.constant('dontneed') },
  { weight: 8, arbitrary: fc.constantFrom('remove', 'free', 'pageout', 'populate_read', 'populate_write') },
  {
    weight: 4,
    arbitrary: fc.constantFrom('willneed', 'cold', 'dontfork', 'dofork', 'wipeonfork', 'keeponfork'),
  },
);

const placement = fc.oneof(
  { weight: 12, arbitrary: fc.constant('fixed') },
  { weight: 1, arbitrary: fc.constant('fixed_noreplace') },
);

const extraFlags = fc.oneof(
  { weight: 7, arbitrary: fc.constant('') },
  { weight: 5, arbitrary: fc.constantFrom(',populate', ',noreserve', ',stack', ',growsdown', ',locked') },
);

/** Memory of its own comes twice as often as memory of a file. */
const mmap: fc.Arbitrary<Words> = (() => {
  const sharing = fc.constantFrom('private', 'private', 'shared');
  const start = fc.tuple(hexAddress, hexLengthOrHuge, protection);
  const anonymous = fc
    .tuple(start, sharing, placement, extraFlags)
    .map(([range, share, place, extra]) => ['mmap', ...range, `${share},anonymous,${place}${extra}`]);
  const ofFile = fc
    .tuple(start, sharing, placement, fc.constantFrom('', '', '', ',populate', ',locked'), file, fileOffset.map(hex))
    .map(([range, share, place, extra, name, at]) => ['mmap', ...range, `${share},${place}${extra}`, name, at]);
  return fc.oneof({ weight: 2, arbitrary: anonymous }, { weight: 1, arbitrary: ofFile });
})();

/**
 * Only calls whose answer is not the kernel's choice: in place, or to a given address. An equal length moves all
 * mappings of a range, so it comes often.
 */
const mremap: fc.Arbitrary<Words> = (() => {
  const inPlace = fc.tuple(hexAddress, hexLength, hexLengthOrHuge).map((arguments_) => ['mremap', ...arguments_, '-']);
  const target = fc.oneof({ weight: 30, arbitrary: pageAddress }, { weight: 1, arbitrary: address }).map(hex);
  const flags = fc.constantFrom('maymove,fixed', 'maymove,fixed', 'maymove,fixed,dontunmap');
  const moved = fc
    .tuple(hexAddress, pages.map(hex), target, flags)
    .map(([from, size, to, flag]) => ['mremap', from, size, size, flag, to]);
  const resized = fc
    .tuple(hexAddress, hexLength, hexLength, target)
    .map(([from, old, size, to]) => ['mremap', from, old, size, 'maymove,fixed', to]);
  return fc.oneof(inPlace, moved, resized);
})();

const brk = fc.integer({ min: -1, max: 0x6000 }).map((offset) => ['brk', hex(HEAP + offset)]);

/** The heap's end among mappings of the arena that was moved there; in the middle of pages too, seldom below its start. */
export const heapEnd: fc.Arbitrary<Words> = fc
  .tuple(
    fc.oneof(
      { weight: 20, arbitrary: pageAddress.map((at) => at - ARENA) },
      { weight: 1, arbitrary: fc.constant(-PAGE) },
    ),
    fc.constantFrom(0, 0, 1, 0x800, 0xfff),
  )
  .map(([offset, rest]) => ['brk', hex(HEAP + offset + rest)]);

const residency: fc.Arbitrary<Words> = fc.oneof(
  fc.tuple(fc.constantFrom('mlock', 'munlock'), hexAddress, hexLength),
  fc.tuple(fc.constant('mincore'), hexAddress, hexLength),
  fc.tuple(
    fc.constant('msync'),
    hexAddress,
    hexLength,
    fc.constantFrom('sync', 'async', '-', 'async,sync', 'invalidate', 'sync,invalidate'),
  ),
);

/** All the calls about one range are `verb address length ...`; the process is the caller's choice. */
export const memoryCall: fc.Arbitrary<Words> = (() => {
  const range = fc.tuple(hexAddress, hexLengthOrHuge);
  return fc.oneof(
    { weight: 11, arbitrary: mmap },
    { weight: 4, arbitrary: range.map((words) => ['munmap', ...words]) },
    { weight: 8, arbitrary: fc.tuple(range, protection).map(([words, prot]) => ['mprotect', ...words, prot]) },
    { weight: 6, arbitrary: mremap },
    { weight: 6, arbitrary: fc.tuple(fc.constant('madvise'), hexAddress, hexLength, advice) },
    { weight: 1, arbitrary: brk },
    { weight: 5, arbitrary: residency },
  );
})();

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
