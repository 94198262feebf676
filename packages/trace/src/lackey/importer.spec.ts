import { importLackey } from '../../test/collect.ts';

const HEADER = ['==4== Lackey, an example Valgrind tool', '==4== Command: ls -l', '==4== Parent PID: 3', '==4== '];
const STARTUP = [
  '--4:1: aspacem <<< SHOW_SEGMENTS: Memory layout at client startup (35 segments)',
  '--4:1: aspacem (1,49,7) /usr/bin/ls',
  '--4:1: aspacem (4,197,0) [free slot: size=17  next=0]',
  '--4:1: aspacem   1: file 0000108000-0000109fff    8192 r-x-- d=0xfe00 i=2170886 o=4096       (1,49)',
  '--4:1: aspacem  11: anon 0004035000-0004035fff    4096 rwx--',
  '--4:1: aspacem  12: RSVN 0004036000-0004834fff 8384512 ----- SmLower',
  '--4:1: aspacem  25: RSVN 1ffe801000-1ffeffefff 8380416 ----- SmUpper',
  '--4:1: aspacem  26: anon 1ffefff000-1fff000fff    8192 rw---',
  '--4:1: aspacem >>>',
];
const IMAGE = [
  'machine file /usr/bin/ls 0x3000',
  'p1 mmap 0x108000 0x2000 rx private,fixed /usr/bin/ls 0x1000 = 0x108000',
  'p1 mmap 0x1ffefff000 0x2000 rw private,fixed,anonymous,growsdown,stack = 0x1ffefff000',
  'p1 brk 0x0 = 0x4035000',
];
const SHUTDOWN = [
  '--4:1: aspacem <<< SHOW_SEGMENTS: Memory layout at client shutdown (9 segments)',
  '--4:1: aspacem   1: anon 0004035000-0004035fff    4096 rwx--',
  '--4:1: aspacem >>>',
];

/** What the importer says about lines behind a header and a layout. */
function imported(...lines: string[]): string[] {
  const all = importLackey(`${['@4', ...HEADER, ...STARTUP, ...lines].join('\n')}\n`).lines;
  expect(all.slice(0, IMAGE.length)).toEqual(IMAGE);
  return all.slice(IMAGE.length);
}

describe('an image', () => {
  it('begins with the mappings of its layout, a stack that grows down, and where the heap begins', () => {
    const { lines, origins } = importLackey(`${['@4', ...HEADER, ...STARTUP].join('\n')}\n`);
    expect(lines).toEqual(IMAGE);
    expect(new Set(origins)).toEqual(new Set(['image']));
  });

  it('ends behind its last layout, which the sink sees first', () => {
    const collected = importLackey(
      `${['@4', ...HEADER, ...STARTUP, 'SYSCALL[4,1](231) exit_group( 3 ) --> [pre-success] Success(0x0) ', 'I  00108000,3', ...SHUTDOWN].join('\n')}\n`,
    );
    expect(collected.lines.slice(IMAGE.length)).toEqual(['p1 fetch 0x108000 3', 'p1 exit 3']);
    expect(collected.layouts).toEqual([
      { process: 1, segments: [{ start: 0x4035000, end: 0x4036000, protection: 'rwx' }] },
    ]);
    expect(collected.importer.processes.images).toEqual([{ process: 1, pid: 4, command: 'ls -l', end: 'exit' }]);
  });

  it('is open where the recording stops first', () => {
    expect(importLackey(`${['@4', ...HEADER, ...STARTUP].join('\n')}\n`).importer.processes.images).toMatchObject([
      { end: 'open' },
    ]);
  });
});

describe('accesses', () => {
  it('keep kind, address and size, and stay one across a page boundary', () => {
    expect(imported('I  0400d7d4,8', ' L 1ffefff438,16', ' S 04aBcDeF,1', ' M 0ffffffffff8,32')).toEqual([
      'p1 fetch 0x400d7d4 8',
      'p1 load 0x1ffefff438 16',
      'p1 store 0x4abcdef 1',
      'p1 modify 0xffffffffff8 32',
    ]);
  });
});

describe('calls', () => {
  it('happen where their result stands', () => {
    const lines = imported(
      'SYSCALL[4,5](28) sys_madvise ( 0x5cc3000, 12288, 4 ) --> [async] ... ',
      '--4--   SCHED[1]:  acquired lock (VG_(client_syscall)[async])',
      ' S 05cc3000,8',
      'SYSCALL[4,5](28) ... [async] --> Success(0x0) ',
    );
    expect(lines).toEqual(['p1 store 0x5cc3000 8', 'p1 madvise 0x5cc3000 0x3000 dontneed']);
  });

  it('keep threads apart', () => {
    const lines = imported(
      'SYSCALL[4,1](28) sys_madvise ( 0x1000, 4096, 4 ) --> [async] ... ',
      'SYSCALL[4,2](28) sys_madvise ( 0x2000, 4096, 8 ) --> [async] ... ',
      'SYSCALL[4,1](28) ... [async] --> Success(0x0) ',
      'SYSCALL[4,2](28) ... [async] --> Success(0x0) ',
    );
    expect(lines).toEqual(['p1 madvise 0x1000 0x1000 dontneed', 'p1 madvise 0x2000 0x1000 free']);
  });

  it('that never come back did not happen', () => {
    expect(imported('SYSCALL[4,1](28) sys_madvise ( 0x1000, 4096, 4 ) --> [async] ... ')).toEqual([]);
  });

  it('become events of the event language', () => {
    const lines = imported(
      'SYSCALL[4,1](12) sys_brk ( 0x4056000 ) --> [pre-success] Success(0x4056000) ',
      'SYSCALL[4,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000) ',
      'SYSCALL[4,1](10) sys_mprotect ( 0x4835000, 4096, 1 )[sync] --> Success(0x0) ',
      'SYSCALL[4,1](25) sys_mremap ( 0x4835000, 8192, 16384, 0x1 ) --> [pre-success] Success(0x4900000) ',
      'SYSCALL[4,1](25) sys_mremap ( 0x4900000, 8192, 16384, 0x3, 0x5000000 ) --> [pre-success] Success(0x5000000) ',
      'SYSCALL[4,1](26) sys_msync ( 0x4900000, 4096, 4 )[sync] --> Success(0x0) ',
      'SYSCALL[4,1](149) sys_mlock ( 0x4900000, 4096 )[sync] --> Success(0x0) ',
      'SYSCALL[4,1](11) sys_munmap ( 0x4900000, 16384 )[sync] --> Success(0x0) ',
    );
    expect(lines).toEqual([
      'p1 brk 0x4056000 = 0x4056000',
      'p1 mmap 0x0 0x2000 rw private,anonymous = 0x4835000',
      'p1 mprotect 0x4835000 0x1000 r',
      'p1 mremap 0x4835000 0x2000 0x4000 maymove = 0x4900000',
      'p1 mremap 0x4900000 0x2000 0x4000 maymove,fixed 0x5000000 = 0x5000000',
      'p1 msync 0x4900000 0x1000 sync',
      'p1 mlock 0x4900000 0x1000',
      'p1 munmap 0x4900000 0x4000',
    ]);
  });

  it('that failed are left out and counted, those that cannot be said too', () => {
    const text = ['@4', ...HEADER, ...STARTUP].concat(
      'SYSCALL[4,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-fail] Failure(0xc) ',
      'SYSCALL[4,1](30) sys_shmat ( 7, 0x0, 0 )[sync] --> Success(0x4900000) ',
      'SYSCALL[4,1](28) sys_madvise ( 0x1000, 4096, 100 ) --> [async] ... ',
      'SYSCALL[4,1](28) ... [async] --> Success(0x0) ',
      'SYSCALL[4,1](28) sys_madvise ( 0x1000, 4096, 1 )[sync] --> Success(0x0) ',
    );
    const { lines, importer } = importLackey(`${text.join('\n')}\n`);
    expect(lines).toEqual(IMAGE);
    expect(importer.calls.failed).toEqual({ mmap: 1 });
    expect(importer.calls.unsupported).toEqual({ shmat: 1, 'madvise 100': 1 });
  });

  it('that fill a buffer are stores by the kernel', () => {
    const lines = imported(
      'SYSCALL[4,1](0) sys_read ( 3, 0x1ffefff438, 832 ) --> [async] ... ',
      'SYSCALL[4,1](0) ... [async] --> Success(0x340) ',
      'SYSCALL[4,1](0) sys_read ( 3, 0x1ffefff438, 832 )[sync] --> Success(0x0) ',
      'SYSCALL[4,1](217) sys_getdents64 ( 3, 0x4039000, 32768 )[sync] --> Success(0x58) ',
      'SYSCALL[4,1](262) sys_newfstatat ( 4, 0x4029c99(), 0x1ffefff2d0 )[sync] --> Success(0x0) ',
    );
    expect(lines).toEqual(['p1 kernelStore 0x1ffefff438 832', 'p1 kernelStore 0x4039000 88']);
  });
});

describe('files', () => {
  const open = (path: string, fd: number): string[] => [
    `SYSCALL[4,1](257) sys_openat ( 4294967196, 0x4835540(${path}), 524288 ) --> [async] ... `,
    `SYSCALL[4,1](257) ... [async] --> Success(0x${fd.toString(16)}) `,
  ];
  const mmap = (length: number, fd: number, offset: number): string =>
    `SYSCALL[4,1](9) sys_mmap ( 0x0, ${length}, 1, 2, ${fd}, ${offset} ) --> [pre-success] Success(0x5000000) `;

  it('are known by the path that opened them, and as long as mappings of them reach', () => {
    const lines = imported(...open('/lib/libc.so.6', 4), mmap(5000, 4, 4096), mmap(4096, 4, 0), mmap(4096, 4, 0x10000));
    expect(lines).toEqual([
      'machine file /lib/libc.so.6 0x3000',
      'p1 mmap 0x0 0x1388 r private /lib/libc.so.6 0x1000 = 0x5000000',
      'p1 mmap 0x0 0x1000 r private /lib/libc.so.6 0x0 = 0x5000000',
      'machine truncate /lib/libc.so.6 0x11000',
      'p1 mmap 0x0 0x1000 r private /lib/libc.so.6 0x10000 = 0x5000000',
    ]);
  });

  it('follow their descriptors', () => {
    const lines = imported(
      ...open('/a file (1), 100%', 4),
      'SYSCALL[4,1](33) sys_dup2 ( 4, 9 )[sync] --> Success(0x9) ',
      'SYSCALL[4,1](3) sys_close ( 4 )[sync] --> Success(0x0) ',
      mmap(4096, 9, 0),
      mmap(4096, 4, 0),
    );
    expect(lines.filter((line) => line.startsWith('machine'))).toEqual([
      'machine file /a%20file%20(1),%20100%25 0x1000',
      'machine file descriptor-4-of-4 0x1000',
    ]);
  });

  it('shrink with ftruncate, and have their mapped length again when they are written', () => {
    const lines = imported(
      'SYSCALL[4,1](77) sys_ftruncate ( 4, 0 )[sync] --> Success(0x0) ',
      ...open('db', 4),
      mmap(8192, 4, 0),
      'SYSCALL[4,1](77) sys_ftruncate ( 4, 4096 )[sync] --> Success(0x0) ',
      'SYSCALL[4,1](18) sys_pwrite64 ( 4, 0x40c6770, 4096, 4096 )[sync] --> Success(0x1000) ',
    );
    expect(lines.filter((line) => line.startsWith('machine'))).toEqual([
      'machine file db 0x2000',
      'machine truncate db 0x1000',
      'machine truncate db 0x2000',
    ]);
  });
});

describe('processes', () => {
  const child = (pid: number, command = 'ls -l'): string[] => [
    `@${pid}`,
    `==${pid}== Lackey, an example Valgrind tool`,
    `==${pid}== Command: ${command}`,
    `==${pid}== Parent PID: 4`,
    `==${pid}== `,
  ];

  it('come from a fork where the parent says so', () => {
    const lines = imported(
      'SYSCALL[4,1](58) sys_fork ( )   fork: process 4 created child 5',
      ' --> [pre-success] Success(0x5) ',
      ' S 1ffefff000,8',
      ...child(5),
      ' --> [pre-success] Success(0x0) ',
      ' S 1ffefff000,8',
    );
    expect(lines).toEqual(['p1 fork -> p2', 'p1 store 0x1ffefff000 8', 'p2 store 0x1ffefff000 8']);
  });

  it('come from a fork at their own header when the parent was suspended until their exec', () => {
    const collected = importLackey(
      `${[
        '@4',
        ...HEADER,
        ...STARTUP,
        ...child(5),
        ' S 1ffefff000,8',
        'SYSCALL[5,1](59) sys_execve ( 0x405f0d0(/bin/cat), 0x405efb8, 0x405e6a0 )',
        '@4',
        'SYSCALL[4,1](56) sys_clone ( 4111, 0x0, 0x0, 0x0, 0x0 )   clone(fork): process 4 created child 5',
        ' --> [pre-success] Success(0x5) ',
        ' L 1ffefff000,8',
        ...child(5, '/bin/cat'),
        'I  00108000,3',
      ].join('\n')}\n`,
    );
    expect(collected.lines.slice(IMAGE.length)).toEqual([
      'p1 fork -> p2',
      'p2 store 0x1ffefff000 8',
      'p1 load 0x1ffefff000 8',
      'p2 exec',
      'p2 mmap 0x100000 0x10000 rwx private,fixed,anonymous,noreserve = 0x100000',
      'p2 fetch 0x108000 3',
    ]);
    expect(collected.importer.processes.forks).toEqual([{ parent: 4, child: 5, flags: '4111' }]);
  });

  it('keep their image when exec fails', () => {
    const lines = imported(
      'SYSCALL[4,1](59) sys_execve ( 0x405f0d0(/bin/no), 0x405efb8, 0x405e6a0 )',
      ' --> [pre-fail] Failure(0x2) ',
      ...child(4, 'ls -l').slice(1),
    );
    expect(lines).toEqual([]);
  });

  it('are not made by threads', () => {
    const { lines, importer } = importLackey(
      `${['@4', ...HEADER, ...STARTUP, 'SYSCALL[4,1](56) sys_clone ( 3d0f00, 0x69ff470, 0x6a00990, 0x6a00990, 0x6a006c0 ) --> [pre-success] Success(0x103) --4--   SCHED[1]: releasing lock'].join('\n')}\n`,
    );
    expect(lines).toEqual(IMAGE);
    expect(importer.calls.threads).toBe(1);
  });

  it('whose parent was not recorded share nothing with the others', () => {
    const lines = imported('@9', '==9== Command: stranger', '==9== Parent PID: 1', ' S 1ffefff000,8');
    expect(lines).toEqual([
      'p1 fork -> p2',
      'p2 exec',
      'p2 mmap 0x1ffeff0000 0x10000 rwx private,fixed,anonymous,noreserve = 0x1ffeff0000',
      'p2 store 0x1ffefff000 8',
    ]);
  });

  it('end at the latest when their parent hears of it', () => {
    const lines = imported(
      'SYSCALL[4,1](58) sys_fork ( )   fork: process 4 created child 5',
      ...child(5),
      'SYSCALL[5,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) ',
      '@4',
      'SYSCALL[4,1](61) sys_wait4 ( 5, 0x405f210, 0, 0x0 ) --> [async] ... ',
      'SYSCALL[4,1](61) ... [async] --> Success(0x5) ',
      ' L 1ffefff000,8',
    );
    expect(lines).toEqual(['p1 fork -> p2', 'p2 exit 0', 'p1 load 0x1ffefff000 8']);
  });
});

describe('plain output of valgrind --tool=lackey --trace-mem=yes', () => {
  const plain = (...lines: string[]): string[] =>
    importLackey(`${['==7== Command: ls', '==7== ', ...lines].join('\n')}\n`).lines;
  const mmap = (address: string, length = '0x10000'): string =>
    `p1 mmap ${address} ${length} rwx private,fixed,anonymous,noreserve = ${address}`;

  it('gets 64 KiB of memory around each page that nothing maps, right before it is touched', () => {
    expect(plain('I  04001103,3', ' S 04001200,8', ' S 1ffefff438,8', '==7== ', '==7== Exit code:       0')).toEqual([
      mmap('0x4000000'),
      'p1 fetch 0x4001103 3',
      'p1 store 0x4001200 8',
      mmap('0x1ffeff0000'),
      'p1 store 0x1ffefff438 8',
      'p1 exit 0',
    ]);
  });

  it('gets both blocks of an access that crosses from one into the next', () => {
    expect(plain(' L 0400fffc,8', ' L 0400fffc,8')).toEqual([
      mmap('0x4000000', '0x20000'),
      'p1 load 0x400fffc 8',
      'p1 load 0x400fffc 8',
    ]);
  });

  it('keeps the calls that were recorded, and maps around them', () => {
    expect(
      plain(
        'SYSCALL[7,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000) ',
        ' S 04835000,8',
        ' S 04837000,8',
        'SYSCALL[7,1](11) sys_munmap ( 0x4835000, 8192 )[sync] --> Success(0x0) ',
        ' S 04836000,8',
      ),
    ).toEqual([
      'p1 mmap 0x0 0x2000 rw private,anonymous = 0x4835000',
      'p1 store 0x4835000 8',
      mmap('0x4830000', '0x5000'),
      mmap('0x4837000', '0x9000'),
      'p1 store 0x4837000 8',
      'p1 munmap 0x4835000 0x2000',
      mmap('0x4835000', '0x2000'),
      'p1 store 0x4836000 8',
    ]);
  });
});

describe('bad lines', () => {
  const errorOf = (...lines: string[]): string => {
    try {
      importLackey(`${lines.join('\n')}\n`);
    } catch (error) {
      expect(error).toHaveProperty('name', 'TraceError');
      return (error as Error).message;
    }
    throw new Error('no error');
  };

  it.each([
    [
      ['I  04001103,3'],
      'log:1:1: found the access "I  04001103,3", expected a header (==PID== Command: …) before the first access',
    ],
    [[...HEADER, ' L 04001103'], 'log:5:1: found " L 04001103", expected an access line: ADDRESS,SIZE'],
    [[...HEADER, ' L 0400110x,3'], 'log:5:1: found " L 0400110x,3", expected an access line'],
    [[...HEADER, ' L ,3'], 'log:5:1: found " L ,3", expected an access line'],
    [
      [...HEADER, ' L 04001103,0'],
      'log:5:4: found an access of 0 bytes at 0x04001103, expected 1 to 65536 bytes below 2^47',
    ],
    [[...HEADER, ' L 04001103,99999999'], 'log:5:4: found an access of 99999999 bytes'],
    [
      [...HEADER, 'I  ffffffffffff,1'],
      'log:5:4: found an access of 1 bytes at 0xffffffffffff, expected 1 to 65536 bytes below 2^47',
    ],
    [[...HEADER, 'I  ffffffffffffffffffff,1'], 'log:5:4: found an access of 1 bytes at 0xffffffffffffffffffff'],
    [
      [...HEADER, 'hello world'],
      'log:5:1: found "hello world", expected a line of lackey (is the program\'s own output mixed in?',
    ],
    [[...HEADER, '@four'], 'log:5:1: found "@four", expected @PID'],
    [[...HEADER, '@9', 'I  04001103,3'], 'log:6:1: found the access "I  04001103,3", expected a header'],
    [[...HEADER, 'SYSCALL[4,1](9) '], 'log:5:1: found "SYSCALL[4,1](9) ", expected SYSCALL[PID,TID](NUMBER) NAME'],
    [
      [...HEADER, 'SYSCALL[9,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x0) '],
      'expected a header of process 9 before its first call',
    ],
    [
      [
        ...HEADER,
        '--4:1: aspacem <<< SHOW_SEGMENTS: Memory layout at client startup (1 segments)',
        '--4:1: aspacem   1: fool',
      ],
      'expected a segment of an address space',
    ],
    [[...HEADER, '--oops'], 'log:5:1: found "--oops", expected --PID-- and a message of valgrind'],
    [[...HEADER, '==oops'], 'log:5:1: found "==oops", expected ==PID== and a message of valgrind'],
    [
      [...HEADER, 'SYSCALL[4,1](9) sys_mmap ( 0x0, 8192 ) --> [pre-success] Success(0x4835000) '],
      'log:5:1: found mmap ( 0x0, 8192 ) with the result 0x4835000, expected addresses and lengths below 2^47',
    ],
    [
      [...HEADER, 'SYSCALL[4,1](11) sys_munmap ( 0x1000, 18446744073709551615 )[sync] --> Success(0x0) '],
      'log:5:1: found munmap',
    ],
    [
      [...HEADER, 'SYSCALL[4,1](0) sys_read ( 3, 0x1000, 832 )[sync] --> Success(0xffffffffffff) '],
      'log:5:1: found read',
    ],
    [
      [
        ...HEADER,
        '--4:1: aspacem <<< SHOW_SEGMENTS: Memory layout at client startup (1 segments)',
        '--4:1: aspacem   1: anon 0004036000-0004035fff 4096 rw---',
      ],
      'log:6:1: found',
    ],
    [['@4'], 'log:1:1: found the end of the recording, expected a header (==PID== Command: …)'],
  ])('like %j stop the import', (lines, message) => {
    expect(errorOf(...lines)).toContain(message);
  });

  it('of valgrind itself do not matter', () => {
    expect(
      imported('--4-- transtab: allocate sector 0', '', '**4** a message', '==4== Warning: set address range perms'),
    ).toEqual([]);
  });
});
