/** Recordings by hand, whose every number can be told beforehand. */

const PAGES = 64;
const address = (page: number): string => `0x${(0x10000000 + page * 4096).toString(16)}`;
const each = (line: (page: number) => string): string[] => Array.from({ length: PAGES }, (_, page) => line(page));

/** Writes 64 pages, reads them, gives half of them up, forks; the child changes the rest, and both exit. */
export const TWO_PROCESSES: string = [
  '#! mm 1',
  `p1 mmap 0 256K rw private,anonymous = ${address(0)}`,
  ...each((page) => `p1 store ${address(page)} 0x8`),
  ...each((page) => `p1 load ${address(page)} 8`),
  `p1 munmap ${address(32)} 128K`,
  'p1 fork -> p2',
  ...each((page) => `p2 modify ${address(page % 32)} 4`),
  'p2 exit 0',
  'p1 exit 0',
  '',
].join('\n');
