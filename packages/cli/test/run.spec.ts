/** `run`, sequential scripts: the contract of the event language, line by line. */
import { Scratch, command } from './command.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

/** Runs lines; answers what each of them answered, without its line number. */
async function run(...lines: string[]): Promise<unknown[]> {
  const { code, lines: answers, err } = await command('run', scratch.file('script.mm', lines.join('\n') + '\n'));
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return answers.map(({ line: _line, ...answer }) => ('result' in answer ? answer['result'] : answer));
}

const MAP = 'p1 mmap 0x100000000 64K rw private,anonymous,fixed -> a';

describe('a pending signal', () => {
  it('interrupts the registration of a device, once', async () => {
    expect(
      await run(MAP, 'p1 signal', 'machine attach kvm0 kvm p1', 'machine attach kvm0 kvm p1', 'kvm0 load $a 1'),
    ).toEqual(['0x100000000', null, { errno: 'EINTR' }, null, '00']);
  });
});

describe('run', () => {
  it('prints one object a line, in event order, with the line of the event', async () => {
    const script = scratch.file(
      'hello.mm',
      `# a comment\n\n${MAP}\np1 store $a 68656c6c6f\np1 load $a 5\np1 load 0 1\n`,
    );
    const { code, out } = await command('run', script);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        '{"line":3,"result":"0x100000000"}',
        '{"line":4,"result":null}',
        '{"line":5,"result":"68656c6c6f"}',
        '{"line":6,"signal":"SIGSEGV","code":"SEGV_MAPERR","address":"0x0"}',
        '',
      ].join('\n'),
    );
  });

  it('answers accesses with bytes: a store of a size writes the pattern of its line, modify answers what was before', async () => {
    expect(
      await run(MAP, 'p1 store $a 0x4', 'p1 load $a 4', 'p1 modify $a 2', 'p1 load $a 4', 'p1 fetch $a 2'),
    ).toEqual([
      '0x100000000',
      null,
      '171e252c',
      '171e',
      '1d24252c',
      { signal: 'SIGSEGV', code: 'SEGV_ACCERR', address: '0x100000000' },
    ]);
  });

  it('does what comes before the byte that faults', async () => {
    expect(await run(MAP, 'p1 munmap $a+4K 4K', 'p1 store $a+4094 aabbcc', 'p1 load $a+4094 2')).toEqual([
      '0x100000000',
      '0x0',
      { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: '0x100001000' },
      'aabb',
    ]);
  });

  it('answers calls with an address, 0x0 or an errno', async () => {
    expect(
      await run(
        MAP,
        'p1 mprotect $a 4K r',
        'p1 store $a 00',
        'p1 mprotect $a+64K 4K r',
        'p1 mremap $a+8K 4K 8K maymove,fixed 0x200000000',
        'p1 madvise $a 4K dontneed',
        'p1 mmap 0 0 rw private,anonymous',
        'p1 munmap $a+1 4K',
      ),
    ).toEqual([
      '0x100000000',
      '0x0',
      { signal: 'SIGSEGV', code: 'SEGV_ACCERR', address: '0x100000000' },
      { errno: 'ENOMEM' },
      '0x200000000',
      '0x0',
      { errno: 'EINVAL' },
      { errno: 'EINVAL' },
    ]);
  });

  it('begins the heap of brk at 0x1000000 in every process', async () => {
    expect(await run('p1 brk 0', 'p1 brk 0x1003000', 'p1 fork -> p2', 'p2 brk 0', 'p2 exec', 'p2 brk 0')).toEqual([
      '0x1000000',
      '0x1003000',
      'p2',
      '0x1003000',
      null,
      '0x1000000',
    ]);
  });

  it('takes an address that a failed call should have bound for MAP_FAILED', async () => {
    expect(
      await run('p1 mmap 0 0 rw private,anonymous -> a', 'p1 load $a 1', 'p1 munmap $a 4K', 'p1 mprotect $a+4K 4K r'),
    ).toEqual([
      { errno: 'EINVAL' },
      { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: '0xffffffffffffffff' },
      { errno: 'EINVAL' },
      { errno: 'EINVAL' },
    ]);
  });

  it('numbers processes in order of creation, shares memory copy-on-write, and answers ESRCH for those that are gone', async () => {
    expect(
      await run(
        MAP,
        'p1 store $a 01',
        'p1 fork -> child',
        'child store $a 02',
        'p1 load $a 1',
        'child load $a 1',
        'child fork -> p3',
        'child exit 0',
        'child load $a 1',
        'p3 load $a 1',
        'p1 exit',
        'p1 maps',
      ),
    ).toEqual([
      '0x100000000',
      null,
      'p2',
      null,
      '01',
      '02',
      'p3',
      null,
      { errno: 'ESRCH' },
      '02',
      null,
      { errno: 'ESRCH' },
    ]);
  });

  it('shows maps as /proc/PID/maps does, neighbours merged', async () => {
    const [, , , , maps] = await run(
      'machine file data 8K 0102',
      'p1 mmap 0x100000000 8K r shared,fixed data 4K',
      MAP.replace('0x100000000', '0x100002000').replace(' -> a', ''),
      'p1 mmap 0x100012000 4K rw private,anonymous,fixed',
      'p1 maps',
    );
    expect(maps).toEqual([
      { start: '0x100000000', end: '0x100002000', prot: 'r--', shared: true, offset: '0x1000', file: 'data' },
      { start: '0x100002000', end: '0x100013000', prot: 'rw-', shared: false, offset: '0x0', file: null },
    ]);
  });

  it('has files that are mapped, written, truncated and synced', async () => {
    expect(
      await run(
        'machine file data 8K 0102',
        'p1 mmap 0x100000000 8K rw shared,fixed data 0 -> a',
        'p1 load $a 3',
        'machine write data 1 ffff',
        'p1 load $a 3',
        'p1 store $a 77',
        'machine sync data',
        'machine truncate data 4K',
        'p1 load $a+4K 1',
        'machine file data 4K',
        'machine truncate nothing 4K',
        'p1 mmap 0 4K r shared nothing 0',
      ),
    ).toEqual([
      null,
      '0x100000000',
      '010200',
      null,
      '01ffff',
      null,
      null,
      null,
      { signal: 'SIGBUS', code: 'BUS_ADRERR', address: '0x100001000' },
      { errno: 'EEXIST' },
      { errno: 'ENOENT' },
      { errno: 'ENOENT' },
    ]);
  });

  it('locks, syncs and advises, and shows what is in memory', async () => {
    expect(
      await run(
        'machine file f 8K 616263',
        'p1 mmap 0x100000000 12K rw private,anonymous,fixed -> a',
        'p1 mmap 0x100010000 8K rw shared,fixed f 0 -> f',
        'p1 store $a 11',
        'p1 mincore $a 12K',
        'p1 mlock $a+4K 4K',
        'p1 mincore $a 12K',
        'p1 munlock $a+4K 8K',
        'p1 madvise $a 4K pageout',
        'p1 mincore $a 12K',
        'p1 load $a 1',
        'p1 store $f 22',
        'p1 msync $f 8K sync,invalidate',
        'p1 madvise $f 4K remove',
        'p1 load $f 1',
        'p1 madvise $a 4K hugepage',
        'p1 mmap 0 2M rw private,anonymous,hugetlb',
        'p1 mlock $f 1M',
      ),
    ).toEqual([
      null,
      '0x100000000',
      '0x100010000',
      null,
      '100',
      '0x0',
      '110',
      '0x0',
      '0x0',
      '010',
      '11',
      null,
      '0x0',
      '0x0',
      '00',
      { errno: 'EINVAL' },
      { errno: 'ENOMEM' },
      { errno: 'ENOMEM' },
    ]);
  });

  it('swaps real pages out and in', async () => {
    const answers = await run(
      MAP,
      'p1 store $a aa',
      'p1 store $a+4K bb',
      'machine reclaim 100',
      'p1 pagemap $a 8K',
      'p1 rss',
      'p1 load $a 1',
      'p1 pagemap $a 8K',
      'machine stats',
    );
    expect(answers[3]).toBeNull();
    expect(answers[4]).toEqual([
      expect.objectContaining({ present: false, swapped: true }),
      expect.objectContaining({ present: false, swapped: true }),
    ]);
    expect(answers[5]).toEqual({ anon: 0, file: 0, shmem: 0, swap: 2 });
    expect(answers[6]).toBe('aa');
    expect(answers[7]).toEqual([
      expect.objectContaining({ present: true, swapped: false }),
      expect.objectContaining({ present: false, swapped: true }),
    ]);
    expect(answers[8]).toMatchObject({ swap: { pagesOut: 2, pagesIn: 1 }, faults: { swapIn: 1 } });
  });

  it('has devices that see what the process sees, and lose what it loses', async () => {
    const answers = await run(
      MAP,
      'machine attach kvm0 kvm p1 {"vcpuTlbEntries":8}',
      'p1 store $a 0102',
      'kvm0 load $a 2',
      'kvm0 store $a+1 ff',
      'p1 load $a 2',
      'kvm0 translations',
      'p1 munmap $a 4K',
      'kvm0 translations',
      'kvm0 load $a 1',
      'machine check',
      'machine detach kvm0',
      'kvm0 load $a 1',
      'machine detach kvm0',
    );
    expect(answers.slice(3, 6)).toEqual(['0102', null, '01ff']);
    expect(answers[6]).toEqual([{ address: '0x100000000', pfn: expect.any(Number) as number, writable: true }]);
    expect(answers.slice(7)).toEqual([
      '0x0',
      [],
      { errno: 'EFAULT' },
      [],
      null,
      { errno: 'ENODEV' },
      { errno: 'ENODEV' },
    ]);
  });

  it("hands the device's own verbs on, names resolved", async () => {
    const answers = await run(
      MAP,
      'p1 store $a 2a',
      'machine attach kvm0 kvm p1',
      'kvm0 memslot 0 0x0 0x0 0x0',
      'kvm0 memslot 1 0x0 16K $a',
      'kvm0 load $a 1',
    );
    expect(answers.slice(3)).toEqual([null, null, '2a']);
  });

  it('opens a device that is attached already for one more process', async () => {
    const answers = await run(
      'machine attach kvm0 kvm p1',
      'p1 fork -> p2',
      'machine attach kvm0 kvm p2',
      'machine attach kvm0 kvm p9',
    );
    expect(answers.slice(2)).toEqual([null, { errno: 'ESRCH' }]);
  });

  it('answers the verdicts of a script without tasks', async () => {
    expect(await run(MAP, 'p1 load $a 1 -> r0', 'require $r0 == 00', 'exists $r0 == 01')).toEqual([
      '0x100000000',
      '00',
      { verdict: 'require', holds: true },
      { verdict: 'exists', seen: false },
    ]);
  });

  it('ends with status 1 where a verdict is broken', async () => {
    const { code, lines, err } = await command(
      'run',
      scratch.file('v.mm', `${MAP}\np1 load $a 1 -> r\nforbid $r == 00\n`),
    );
    expect(code).toBe(1);
    expect(lines.at(-1)).toEqual({
      line: 3,
      violation: { oracle: 'forbid', message: 'line 3 forbids $r == 00; $r is 00' },
    });
    expect(err).toBe('violation: forbid: line 3 forbids $r == 00; $r is 00\n');
  });

  it('accepts --json, which it does anyway', async () => {
    const script = scratch.file('json.mm', 'p1 brk 0\n');
    expect((await command('run', '--json', script)).out).toBe('{"line":1,"result":"0x1000000"}\n');
  });
});

describe('--kconfig', () => {
  const SLEEPER = `
export default () => ({
  [Symbol.for('@mmu-notifier/plugin-api/plugin/v1')]: true, name: 'sleeper', api: '^1.0.0',
  traits: { kind: 'sptes', registration: 'mm', callbacks: {}, nonBlockable: 'proceeds', pins: 'none', invalidateAt: 'start',
    faultMode: 'as-asked', dirty: 'at-map', pageSizes: [4096], addressSpaces: 'one' },
  *attach(host) {
    const mutex = host.sync.mutex('sleeper');
    const drop = function* () { yield* mutex.acquire(); mutex.release(); return 'done'; };
    let subscription;
    const leave = function* () { if (subscription) yield* host.notifiers.unregister(subscription); subscription = undefined; };
    return {
      *open(process) { subscription = yield* host.notifiers.register(process.mm, { invalidateRangeStart: drop }); },
      *access() { return 'ENXIO'; }, close: leave, detach: leave, translations: () => [],
    };
  },
});
`;
  const script = (driver: string): string =>
    `${MAP}\np1 store $a 0102\nmachine attach dev ${driver} p1\np1 munmap $a 4K\n`;
  const OLD = ['--kconfig', 'MMU_NOTIFIER_SLEEPABLE=n'];

  it('in the world of 2008 a driver whose callback sleeps is a violation; in that of 2012 it is none', async () => {
    const path = scratch.file('sleeper.mm', script(scratch.file('sleeper.mjs', SLEEPER)));
    expect(await command('run', path)).toMatchObject({ code: 0, err: '' });
    const old = await command('run', path, ...OLD);
    expect(old).toMatchObject({ code: 1 });
    expect(old.err).toMatch(/^violation: sleep-in-atomic: .* may sleep \(sleeper\)/);
  });

  it('leaves KVM at work in both worlds', async () => {
    const path = scratch.file(
      'kvm.mm',
      [MAP, 'p1 store $a 0102', 'machine attach kvm0 kvm p1', 'kvm0 store $a 07', 'machine reclaim 4', 'p1 load $a 2']
        .concat(['kvm0 load $a 2', 'p1 fork -> child', 'kvm0 store $a 09', 'child load $a 2', 'machine oom p1'])
        .concat(['machine check'])
        .join('\n') + '\n',
    );
    const today = await command('run', path);
    const old = await command('run', path, ...OLD);
    expect(today).toMatchObject({ code: 0, err: '' });
    expect(old.out).toBe(today.out);
  });

  it('refuses what there is not, what depends on what is off, and a device without the chain', async () => {
    const path = scratch.file('refused.mm', script('kvm'));
    const refused = async (switches: string): Promise<string> => {
      const { code, err } = await command('run', path, '--kconfig', switches);
      expect(code).toBe(2);
      return err;
    };
    expect(await refused('KSM=y')).toMatch('found the switch KSM, expected MMU_NOTIFIER,');
    expect(await refused('SWAP')).toMatch('--kconfig: found "SWAP", expected a switch such as');
    expect(await refused('SWAP=n,CONFIG_SWAP=y')).toMatch('--kconfig: found SWAP twice, expected each switch once');
    expect(await refused('MMU_NOTIFIER=n,MMU_NOTIFIER_SLEEPABLE=y')).toMatch('which depends on MMU_NOTIFIER');
    expect(await refused('MMU_NOTIFIER=n')).toMatch('kvm needs MMU_NOTIFIER=y');
  });
});
