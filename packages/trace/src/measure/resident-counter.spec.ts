import { AccessKind } from '../event-sink.ts';
import { parseScript } from '../script/parse-script.ts';
import { plainAccess } from '../script/read-script.ts';
import { ResidentCounter } from './resident-counter.ts';

/** Most pages that a script needs at once. */
function peak(...lines: string[]): number {
  const counter = new ResidentCounter();
  for (const event of parseScript(lines.join('\n'), 'a.mm').events) {
    const access = plainAccess(event);
    if (access === undefined) counter.event(event);
    else counter.access(access.process, access.kind, access.address, access.size);
  }
  return counter.pool.peak;
}

const ANON = 'p1 mmap 0x10000 64K rw private,anonymous,fixed';
const FILE = 'p1 mmap 0x10000 64K rw private,fixed libc 0x1000';
const SHARED = 'p1 mmap 0x10000 64K rw shared,fixed libc 0x1000';
const touch = (page: number, verb = 'store', process = 'p1'): string =>
  `${process} ${verb} 0x${(0x10000 + page * 4096).toString(16)} 8`;

describe('the peak of resident pages', () => {
  it('counts pages that were touched, not pages that are mapped', () => {
    expect(peak(ANON, touch(0), touch(0), touch(1, 'load'), touch(0, 'modify'))).toBe(2);
  });

  it('counts both pages of an access that crosses', () => {
    expect(peak(ANON, 'p1 load 0x10ffc 8')).toBe(2);
  });

  it('gives pages back at munmap, MADV_DONTNEED, exec, a smaller heap and a new mapping on top', () => {
    const twoPages = [touch(0), touch(1)];
    const again = ['p1 mmap 0x90000 64K rw private,anonymous,fixed', 'p1 store 0x90000 8', 'p1 store 0x91000 8'];
    for (const drop of ['p1 munmap 0x10000 64K', 'p1 madvise 0x10000 64K dontneed', 'p1 exec', ANON]) {
      expect([drop, peak(ANON, ...twoPages, drop, ...again)]).toEqual([drop, 2]);
    }
    expect(
      peak('p1 brk 0 = 0x10000', 'p1 brk 0x12000 = 0x12000', ...twoPages, 'p1 brk 0x10000 = 0x10000', ...again),
    ).toBe(2);
    expect(peak(ANON, ...twoPages, 'p1 madvise 0x10000 64K willneed', ...again)).toBe(4);
  });

  it('counts forked pages once until somebody writes', () => {
    expect(peak(ANON, touch(0), touch(1), 'p1 fork -> p2', touch(0, 'load', 'p2'))).toBe(2);
    expect(peak(ANON, touch(0), touch(1), 'p1 fork -> p2', touch(0, 'store', 'p2'), touch(0, 'store'))).toBe(3);
    expect(peak(ANON, touch(0), 'p1 fork -> p2', 'p2 exit', touch(0))).toBe(1);
    expect(peak(ANON, touch(0), 'p1 fork -> p2', 'p1 exit', touch(0, 'store', 'p2'), 'p2 exit')).toBe(1);
  });

  it('counts a page of a file once for all who read it, and keeps it in the page cache', () => {
    const other = 'p1 mmap 0x90000 64K r private,fixed libc 0x1000';
    expect(peak(FILE, touch(0, 'load'), other, 'p1 load 0x90000 8')).toBe(1);
    expect(peak(FILE, touch(0, 'load'), 'p1 munmap 0x10000 64K', other, 'p1 load 0x91000 8')).toBe(2);
  });

  it("counts a private copy of a file's page beside the page cache", () => {
    expect(peak(FILE, touch(0, 'load'), touch(0), touch(0))).toBe(2);
    expect(peak(FILE, touch(0))).toBe(2);
    expect(peak(SHARED, touch(0, 'load'), touch(0))).toBe(1);
  });

  it('follows a mapping that moves', () => {
    const move = 'p1 mremap 0x10000 64K 128K maymove = 0x90000';
    expect(peak(ANON, touch(0), touch(1), move, 'p1 store 0x90000 8', 'p1 store 0x91000 8')).toBe(2);
    expect(peak(ANON, touch(1), 'p1 mremap 0x10000 64K 4K maymove = 0x90000', ANON, touch(0))).toBe(1);
    expect(peak(ANON, touch(1), 'p1 mremap 0x10000 64K 4K - = 0x10000', touch(0))).toBe(1);
    expect(peak(FILE, touch(0, 'load'), 'p1 mremap 0x10000 64K 128K maymove = 0x90000', 'p1 load 0x90000 8')).toBe(1);
  });

  it('shares anonymous shared memory with a child', () => {
    const lines = [
      'p1 mmap 0x10000 64K rw shared,anonymous,fixed',
      touch(0),
      'p1 fork -> p2',
      touch(0, 'store', 'p2'),
      touch(0),
    ];
    expect(peak(...lines)).toBe(1);
  });

  it('counts what the kernel writes', () => {
    const counter = new ResidentCounter();
    counter.access(1, AccessKind.kernelStore, 0x10800, 3 * 4096);
    expect(counter.pool.peak).toBe(4);
  });
});
