import { Collector } from '../../test/collect.ts';
import { type RecordedMaps, parseMaps } from '../maps/parse-maps.ts';
import { StraceImporter } from './importer.ts';
import { parseStraceLine, splitArguments } from './strace-line.ts';

class MapsCollector extends Collector {
  finalMaps(process: number, { areas }: RecordedMaps): void {
    this.lines.push(`maps p${process} ${areas.length}`);
  }
}

const MAPS = parseMaps(
  [
    '555555554000-555555555000 r-xp 00000000 fe:00 26  /usr/bin/x',
    '555555555000-555555556000 r--p 00001000 fe:00 26  /usr/bin/x',
    '555555556000-555555557000 rw-p 00002000 fe:00 26  /usr/bin/x',
    '555555557000-555555559000 rw-p 00000000 00:00 0 ',
    '555555559000-55555557a000 rw-p 00000000 00:00 0   [heap]',
    '7ffff7fc8000-7ffff7fca000 r-xp 00000000 00:00 0   [vdso]',
    '7ffff7fca000-7ffff7fcb000 r-xp 00000000 fe:00 33  /lib/ld-linux-x86-64.so.2',
    '7ffff7fcb000-7ffff7fcd000 r--p 00001000 fe:00 33  /lib/ld-linux-x86-64.so.2',
    '7ffff7fcd000-7ffff7fce000 rw-p 00003000 fe:00 33  /lib/ld-linux-x86-64.so.2',
    '7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0   [stack]',
    'ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]',
    '',
  ].join('\n'),
  'maps.txt',
);

function run(
  lines: readonly string[],
  image?: number,
): { lines: string[]; summary: ReturnType<StraceImporter['summary']> } {
  const collector = new MapsCollector();
  const evidence = image === undefined ? undefined : { maps: { file: 'maps.txt', areas: MAPS }, image };
  const importer = new StraceImporter('log', collector, evidence);
  for (const line of lines) importer.line(line);
  importer.finish();
  return { lines: collector.lines, summary: importer.summary() };
}

const EXEC = '7 1.0 execve("/usr/bin/x", ["x"], 0x7ffd00000068 /* 2 vars */) = 0';

describe('an strace log', () => {
  it('gives calls their numbers, files their names, and the heap its start', () => {
    const { lines, summary } = run([
      EXEC,
      '7 1.1 brk(NULL) = 0x55dc00000000',
      '7 1.2 brk(0x55dc00021000) = 0x55dc00021000',
      '7 1.3 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = 0x7f0000000000',
      '7 1.4 mmap(NULL, 5000, PROT_READ, MAP_SHARED, 3</srv/a, b>(deleted), 0x1000) = 0x7f0000002000',
      '7 1.5 madvise(0x7f0000000000, 4096, MADV_DONTNEED) = 0',
      '7 1.6 mremap(0x7f0000000000, 8192, 4096, MREMAP_MAYMOVE) = 0x7f0000000000',
      '7 1.7 mmap(NULL, 1, PROT_NONE, MAP_SHARED, 3</srv/a>, 0) = -1 ENOMEM (Cannot allocate memory)',
      '7 1.8 shmat(5, NULL, 0) = 0x7f0000100000',
      '7 1.9 exit_group(3) = ?',
      '7 2.0 +++ exited with 3 +++',
    ]);
    expect(lines).toEqual([
      'p1 brk 0x0 = 0x55dc00000000',
      'p1 brk 0x55dc00021000 = 0x55dc00021000',
      'p1 mmap 0x0 0x2000 rw private,anonymous,noreserve = 0x7f0000000000',
      'machine file /srv/a,%20b 0x3000',
      'p1 mmap 0x0 0x1388 r shared /srv/a,%20b 0x1000 = 0x7f0000002000',
      'p1 madvise 0x7f0000000000 0x1000 dontneed',
      'p1 mremap 0x7f0000000000 0x2000 0x1000 maymove = 0x7f0000000000',
      'p1 exit 3',
    ]);
    expect(summary).toMatchObject({ failedCalls: { mmap: 1 }, unsupportedCalls: { shmat: 1 } });
  });

  it('tells children of vfork, of fork and threads apart, also where they speak before their parent does', () => {
    const { lines, summary } = run([
      EXEC,
      '7 1.0 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000',
      '7 1.1 vfork( <unfinished ...>',
      '8 1.2 execve("/bin/y", ["y", "(<unfinished"], 0x7ffd00000068 /* 2 vars */ <unfinished ...>',
      '7 1.3 <... vfork resumed>) = 8',
      '8 1.4 <... execve resumed>) = 0',
      '8 1.5 +++ killed by SIGKILL +++',
      '7 1.6 --- SIGCHLD {si_signo=SIGCHLD} ---',
      '7 1.7 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x1} => {parent_tid=[9]}, 88) = 9',
      '9 1.8 munmap(0x7f0000000000, 4096) = 0',
      '9 1.9 +++ exited with 0 +++',
      '7 2.0 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x1) = 10',
      '10 2.1 +++ exited with 0 +++',
    ]);
    expect(lines).toEqual([
      'p1 mmap 0x0 0x1000 r private,anonymous = 0x7f0000000000',
      'p1 vfork -> p2',
      'p2 exec',
      'p2 exit',
      'p1 munmap 0x7f0000000000 0x1000',
      'p1 fork -> p3',
      'p3 exit 0',
    ]);
    expect(summary.threads).toBe(1);
    expect(summary.images.map(({ process, command, end }) => `${process} ${command} ${end}`)).toEqual([
      '2 /usr/bin/x exec',
      '2 /bin/y exit',
      '3 /usr/bin/x exit',
      '1 /usr/bin/x open',
    ]);
  });

  const LOADED = [
    '7 1.1 brk(NULL) = 0x5600000f0000',
    '7 1.2 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE, 3</lib/c.so>, 0) = 0x7f1000000000',
    '7 1.3 mprotect(0x7f1000000000, 4096, PROT_READ) = 0',
    '7 1.4 mprotect(0x560000001000, 4096, PROT_READ) = 0',
    '7 1.5 mprotect(0x7f1234567000, 8192, PROT_READ) = 0',
    '7 1.6 +++ exited with 0 +++',
  ];

  it('maps an image where its loader protects it, as a maps file shows it', () => {
    const { lines, summary } = run(['7 0.9 execve("/bin/sh", [], 0x1) = 0', EXEC, ...LOADED], 2);
    expect(lines).toEqual([
      'p1 exec',
      'p1 mmap 0x7ffffffde000 0x21000 rw private,fixed,anonymous,growsdown,stack = 0x7ffffffde000',
      'p1 brk 0x0 = 0x5600000f0000',
      'machine file /lib/c.so 0x2000',
      'p1 mmap 0x0 0x2000 rw private /lib/c.so 0x0 = 0x7f1000000000',
      'p1 mprotect 0x7f1000000000 0x1000 r',
      'machine file /usr/bin/x 0x1000',
      'p1 mmap 0x560000000000 0x1000 rx private,fixed /usr/bin/x 0x0 = 0x560000000000',
      'machine truncate /usr/bin/x 0x2000',
      'p1 mmap 0x560000001000 0x1000 rw private,fixed /usr/bin/x 0x1000 = 0x560000001000',
      'machine truncate /usr/bin/x 0x3000',
      'p1 mmap 0x560000002000 0x1000 rw private,fixed /usr/bin/x 0x2000 = 0x560000002000',
      'p1 mmap 0x560000003000 0x2000 rw private,fixed,anonymous = 0x560000003000',
      'p1 mprotect 0x560000001000 0x1000 r',
      'machine file [vdso] 0x2000',
      'p1 mmap 0x7f1234564000 0x2000 rx private,fixed [vdso] 0x0 = 0x7f1234564000',
      'machine file /lib/ld-linux-x86-64.so.2 0x1000',
      'p1 mmap 0x7f1234566000 0x1000 rx private,fixed /lib/ld-linux-x86-64.so.2 0x0 = 0x7f1234566000',
      'machine truncate /lib/ld-linux-x86-64.so.2 0x3000',
      'p1 mmap 0x7f1234567000 0x2000 rw private,fixed /lib/ld-linux-x86-64.so.2 0x1000 = 0x7f1234567000',
      'machine truncate /lib/ld-linux-x86-64.so.2 0x4000',
      'p1 mmap 0x7f1234569000 0x1000 rw private,fixed /lib/ld-linux-x86-64.so.2 0x3000 = 0x7f1234569000',
      'p1 mprotect 0x7f1234567000 0x2000 r',
      'maps p1 10',
      'p1 exit 0',
    ]);
    expect(summary.unsupportedCalls).toEqual({});
  });

  it('leaves out and counts what needs memory that it has not seen', () => {
    const { lines, summary } = run([EXEC, '7 1.0 brk(0x5600000f0000) = 0x5600000f0000', ...LOADED.slice(1)]);
    expect(lines.filter((line) => line.includes('mprotect'))).toEqual(['p1 mprotect 0x7f1000000000 0x1000 r']);
    expect(summary.unsupportedCalls).toEqual({
      'brk of a heap that began unseen': 1,
      'mprotect of memory that no call mapped': 2,
    });
  });

  it.each([
    ['hello', 'found "hello", expected a line of strace'],
    ['8 1.0 brk(NULL) = 0x1000', 'found a call of process 8, expected a fork, vfork or clone that made it before'],
  ])('refuses %s with its line', (line, message) => {
    expect(() => run([EXEC, line])).toThrow(`log:2:1: ${message}`);
  });
});

describe('a line of strace', () => {
  it.each([
    ['brk(NULL) = 0x1000', { tid: 0, kind: 'call', name: 'brk', args: 'NULL', result: 0x1000 }],
    ['[pid  12] 10:20:30.5 brk(0x1 <unfinished ...>', { tid: 12, kind: 'unfinished', name: 'brk', args: '0x1 ' }],
    ['12 +++ killed by SIGSEGV (core dumped) +++', { tid: 12, kind: 'ended', status: undefined }],
    ['strace: Process 9 attached', { tid: 0, kind: 'note' }],
  ])('%s', (text, expected) => {
    expect(parseStraceLine(text)).toEqual(expected);
  });

  it('is cut at commas outside of brackets, strings and file names', () => {
    expect(splitArguments('"a, \\", b", [1, 2], 3</x, (y>, {a=1 << 2, b}, 0')).toEqual([
      '"a, \\", b"',
      '[1, 2]',
      '3</x, (y>',
      '{a=1 << 2, b}',
      '0',
    ]);
  });
});

describe('a maps file', () => {
  it('has areas in order, without those of the kernel', () => {
    expect(MAPS).toHaveLength(10);
    expect(MAPS[1]).toMatchObject({ protection: 'r', shared: false, offset: 4096, name: '/usr/bin/x' });
  });

  it.each(['hello', '2000-1000 r--p 00000000 00:00 0 '])('refuses %s', (line) => {
    expect(() => parseMaps(`${line}\n`, 'maps.txt')).toThrow('maps.txt:1:1: found');
  });
});
