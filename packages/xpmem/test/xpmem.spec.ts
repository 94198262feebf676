/** What the public driver's own tests check, under their names, in both flavours; then what it leaves out. */
import { UsageError } from '@mmu-notifier/core';
import type { XpmemOptions } from '../src/options.ts';
import { xpmem } from '../src/plugin.ts';
import { withoutGuard } from '../src/testing.ts';
import { AREA, PAGE, XpmemMachine, violation } from './machine.ts';

const FLAVOURS = ['recall', 'until-invalidate'] as const;
const PAGES = 4;

function bench(options: XpmemOptions = {}): XpmemMachine {
  const it = new XpmemMachine({ xpmem: options });
  it.map(PAGES);
  return it;
}

describe.each(FLAVOURS)('%s', (coherence) => {
  it('test_base: a second process increments what the first shares', () => {
    const it = bench({ coherence });
    const at = it.attach(it.make(PAGES), PAGES);
    for (let page = 0; page < PAGES; page++) {
      const value = it.load(at + page * PAGE, it.consumer) as number;
      it.store(at + page * PAGE, value + 1, it.consumer);
    }
    expect([0, 1, 2, 3].map((page) => it.load(AREA + page * PAGE))).toEqual([2, 3, 4, 5]);
    it.expectClean();
  });

  it('test_two_attach: two attachments of one segment are one memory', () => {
    const it = bench({ coherence });
    const segid = it.make(PAGES);
    const [one, two] = [it.attach(segid, PAGES), it.attach(segid, 2, PAGE)];
    it.store(one + PAGE, 77, it.consumer);
    expect([it.load(two, it.consumer), it.load(AREA + PAGE)]).toEqual([77, 77]);
    it.expectClean();
  });

  it('test_two_shares: two segments, overlapping, of one process', () => {
    const it = bench({ coherence });
    const [one, two] = [it.attach(it.make(PAGES), PAGES), it.attach(it.make(2, '600', AREA + PAGE), 2)];
    it.store(one + PAGE, 50, it.consumer);
    it.store(two + PAGE, 60, it.consumer);
    expect([it.load(two, it.consumer), it.load(one + 2 * PAGE, it.consumer)]).toEqual([50, 60]);
    it.expectClean();
  });

  it('test_fork: the consumer follows the source, whoever copies', () => {
    const it = bench({ coherence });
    const at = it.attach(it.make(PAGES), PAGES);
    const page = 2 * PAGE;
    it.store(at + page, 10, it.consumer);
    const child = it.fork();
    for (let i = 0; i < PAGES; i++) it.store(AREA + i * PAGE, 20 + i);
    it.store(at + page, (it.load(at + page, it.consumer) as number) + 1, it.consumer);
    expect([it.load(AREA + page), it.load(AREA + page, child), it.load(AREA + PAGE)]).toEqual([23, 10, 21]);
    expect(it.load(at, child)).toBe('SIGSEGV');
    it.expectClean();
  });

  it('fork_begin takes what is shared, until as many fork_end', () => {
    const it = bench({ coherence });
    const at = it.attach(it.make(PAGES), PAGES);
    it.store(at, 10, it.consumer);
    const translations = (): number => [...it.device.translations()].length;
    expect([translations(), it.say(it.source, 'fork_end')]).toEqual([1, 'EINVAL']);
    it.say(it.source, 'fork_begin');
    it.say(it.source, 'fork_begin');
    expect([translations(), it.say(it.source, 'fork_end')]).toEqual([0, undefined]);
    it.machine.spawn('consumer', it.machine.store(it.consumer, at, 1, Uint8Array.of(11)), it.consumer);
    const child = it.fork();
    expect([translations(), it.load(AREA)]).toEqual([0, 10]);
    it.say(it.source, 'fork_end');
    it.machine.runAll();
    expect([translations(), it.load(AREA), it.load(AREA, child)]).toEqual([1, 11, 10]);
    it.expectClean();
  });

  it('works inside one process', () => {
    const it = bench({ coherence });
    const at = it.attach(it.make(PAGES), 2, PAGE, it.source);
    it.store(at, 9);
    expect(it.load(AREA + PAGE)).toBe(9);
    it.expectClean();
  });

  it('faults where the source has nothing, is unmapped, removed, or gone', () => {
    const it = bench({ coherence });
    const segid = it.say(it.source, `make ${AREA} all 666`) as string;
    const at = it.attach(segid, PAGES + 2);
    expect([it.load(at, it.consumer), it.load(at + PAGES * PAGE, it.consumer)]).toEqual([1, 'SIGBUS']);
    it.run(it.machine.syscalls.munmap(it.source, AREA, PAGE));
    expect([it.load(at, it.consumer), it.load(at + PAGE, it.consumer)]).toEqual(['SIGBUS', 2]);
    it.say(it.source, `remove ${segid}`);
    expect(it.load(at + PAGE, it.consumer)).toBe('SIGBUS');
    const again = it.attach(it.make(PAGES), PAGES);
    it.load(again + 3 * PAGE, it.consumer);
    it.run(it.machine.syscalls.exit(it.source));
    expect(it.load(again + 3 * PAGE, it.consumer)).toBe('SIGBUS');
    it.expectClean();
  });

  it('reads what the source may only read, and does not write it', () => {
    const it = new XpmemMachine({ xpmem: { coherence } });
    it.map(1, AREA, 'r');
    const at = it.attach(it.make(1), 1);
    expect([it.load(at, it.consumer), it.store(at, 2, it.consumer)]).toEqual([1, 'SIGBUS']);
    it.expectClean();
  });

  it('forgets what the consumer unmaps, and the consumer that exits', () => {
    const it = bench({ coherence });
    const at = it.attach(it.make(PAGES), PAGES);
    it.load(at, it.consumer);
    it.run(it.machine.syscalls.munmap(it.consumer, at, PAGES * PAGE), it.consumer);
    expect(it.stat('detached')).toBe(1);
    const again = it.attach(it.make(PAGES), PAGES);
    it.store(again, 5, it.consumer);
    it.run(it.machine.syscalls.exit(it.consumer), it.consumer);
    expect([it.load(AREA), it.stat('detached')]).toEqual([5, 2]);
    it.expectClean();
  });

  it('serves accesses by permit', () => {
    const it = bench({ coherence });
    const apid = it.say(it.consumer, `get ${it.make(PAGES)} rw`);
    expect(it.say(it.consumer, `store ${apid} ${PAGE - 1} 0a0b`)).toBeUndefined();
    expect(it.say(it.consumer, `load ${apid} ${PAGE - 1} 2`)).toBe('0a0b');
    expect([it.load(AREA + PAGE - 1), it.load(AREA + PAGE)]).toEqual([10, 11]);
    expect(it.say(it.consumer, `load ${apid} ${PAGES * PAGE - 1} 2`)).toBe('EFAULT');
    it.expectClean();
  });
});

it('pins nothing: the source is swapped out under its consumers, and comes back', () => {
  const it = bench();
  const at = it.attach(it.make(PAGES), PAGES);
  for (let page = 0; page < PAGES; page++) it.load(at + page * PAGE, it.consumer);
  it.run(it.machine.syscalls.madvise(it.source, AREA, PAGES * PAGE, 'pageout'));
  expect(it.machine.syscalls.rss(it.source)).toMatchObject({ swap: PAGES });
  expect(it.load(at + PAGE, it.consumer)).toBe(2);
  it.expectClean();
});

/** A page that is clean in memory and in swap is read by permit, then written, and goes again. @returns what is there then. */
function writtenAfterRead(it: XpmemMachine): number | string {
  const out = (): unknown => it.run(it.machine.syscalls.madvise(it.source, AREA, PAGE, 'pageout'));
  const apid = it.say(it.consumer, `get ${it.make(1)} rw`);
  out();
  it.say(it.consumer, `load ${apid} 0 1`);
  it.say(it.consumer, `store ${apid} 0 0a`);
  out();
  return it.load(AREA);
}

it('loses no store to a page that it had looked up to read', () => {
  const it = bench();
  expect(writtenAfterRead(it)).toBe(10);
  it.expectClean();
});

it('without the second look-up, for writing, the store is lost in reclaim, and that is caught', () => {
  const restore = withoutGuard('as-asked');
  try {
    expect(violation(() => writtenAfterRead(bench())).oracle).toBe('data');
  } finally {
    restore();
  }
});

it('until-invalidate keeps its pages in memory', () => {
  const it = bench({ coherence: 'until-invalidate' });
  const at = it.attach(it.make(PAGES), PAGES);
  for (let page = 0; page < PAGES; page++) it.load(at + page * PAGE, it.consumer);
  expect(it.stat('pages_pinned')).toBe(PAGES);
  it.run(it.machine.reclaim(50));
  expect(it.stat('pages_unpinned')).toBeLessThanOrEqual(PAGES);
  expect(it.load(at + PAGE, it.consumer)).toBe(2);
  it.expectClean();
});

describe('the errno of', () => {
  const it_ = bench();
  const [s, c] = [it_.source, it_.consumer];
  const segid = it_.make(PAGES, '600');
  const apid = it_.say(c, `get ${segid} rw`);
  const ro = it_.say(c, `get ${segid} ro`);
  const own = it_.say(s, `get ${segid} rw`);
  const at = Number(it_.say(c, `attach ${apid} 0 4K`));

  it.each([
    ['version', c, 'version', '0x26005'],
    ['make: size 0', s, `make ${AREA} 0`, 'EINVAL'],
    ['make: unaligned', s, `make ${AREA + 1} 4K`, 'EINVAL'],
    ['make: beyond the address limit', s, `make 0x7ffffffff000 8K`, 'EINVAL'],
    ['make: mode bits', s, `make ${AREA} 4K 1777`, 'EINVAL'],
    ['remove: no id', s, 'remove 0', 'EINVAL'],
    ['remove: unknown', s, 'remove 0x900000001', 'ENOENT'],
    ['remove: not the owner', c, `remove ${segid}`, 'EACCES'],
    ['get: flags', c, `get ${segid} both`, 'EINVAL'],
    ['get: no id', c, 'get 0 rw', 'EINVAL'],
    ['get: unknown', c, 'get 0x900000001 rw', 'ENOENT'],
    ['release: no id', c, 'release 0', 'EINVAL'],
    ['release: unknown', c, 'release 0x900000001', 'ENOENT'],
    ["release: another's", c, `release ${own}`, 'EACCES'],
    ['attach: address', c, `attach ${apid} 0 4K ${AREA + 1}`, 'EINVAL'],
    ['attach: beyond user space', c, `attach ${apid} 0 8K 0x7ffffffff000`, 'EINVAL'],
    ['attach: outside of the segment', c, `attach ${apid} 4K 16K`, 'EINVAL'],
    ['attach: over an attachment', c, `attach ${apid} 0 4K ${at}`, 'EINVAL'],
    ['attach: over its own source', s, `attach ${own} 0 4K ${AREA}`, 'EINVAL'],
    ["attach: another's", c, `attach ${own} 0 4K`, 'EACCES'],
    ['attach: read-only', c, `attach ${ro} 0 4K`, 'EACCES'],
    ['detach: nothing there', c, 'detach 0x60000000', undefined],
    ['detach: something else', s, `detach ${AREA}`, 'EINVAL'],
    ['store: read-only', c, `store ${ro} 0 01`, 'EACCES'],
  ])('%s', (_, process, words, answer) => {
    expect(it_.say(process, words)).toBe(answer);
  });

  it('keeps the place in the page, and is clean at the end', () => {
    const address = Number(it_.say(c, `attach ${apid} 4100 10`));
    expect([address % PAGE, it_.load(address - 4, c)]).toEqual([4, 2]);
    it_.expectClean();
  });
});

it.each([
  [{ uid: 1 }, '600', 'rw', 'EACCES'],
  [{ uid: 1, gid: 1 }, '604', 'ro', 'granted'],
  [{ uid: 1, gid: 1 }, '664', 'rw', 'EACCES'],
  [{ uid: 1, gid: 0 }, '660', 'rw', 'granted'],
  [{ uid: 1, gid: 1, ipcOwner: true }, '000', 'rw', 'granted'],
])('a permit for %j on mode %s, %s: %s', (credentials, mode, wanted, answer) => {
  const it = new XpmemMachine({ open: credentials });
  it.map(1);
  const got = it.say(it.consumer, `get ${it.make(1, mode)} ${wanted}`) as string;
  expect(got.startsWith('E') ? got : 'granted').toBe(answer);
  it.expectClean();
});

it('makes no chains: what was attached is no source', () => {
  const it = bench();
  const at = it.attach(it.make(PAGES), 1);
  const segid = it.say(it.consumer, `make ${at} 4K 666`) as string;
  const second = it.attach(segid, 1, 0, it.source);
  expect(it.load(second)).toBe('SIGBUS');
  it.expectClean();
});

describe('the world of 2008', () => {
  const kconfig = { MMU_NOTIFIER_SLEEPABLE: false };

  it('refuses it, for its callbacks sleep', () => {
    expect(() => new XpmemMachine({ kconfig })).toThrow(UsageError);
    expect(() => new XpmemMachine({ kconfig })).toThrow(/sleeps, expected none with/);
  });

  it('stops it where it was forced', () => {
    const found = violation(() => {
      const it = new XpmemMachine({ kconfig, xpmem: { force: true } });
      it.map(PAGES);
      it.load(it.attach(it.make(PAGES), 1), it.consumer);
      it.run(it.machine.syscalls.munmap(it.source, AREA, PAGE));
    });
    expect(found.oracle).toBe('sleep-in-atomic');
  });
});

it.each([
  [{ coherence: 'never' }, 'xpmem: coherence is "recall" or "until-invalidate", found "never"'],
  [{ force: 1 }, 'xpmem: force is true or false, found 1'],
  [{ leaseNs: 1 }, 'xpmem: leaseNs is a number from 1000 to 1000000000000, found 1'],
  [{ speed: 1 }, 'xpmem: found option "speed", expected coherence, force, listen, leaseNs'],
])('refuses %j', (options, message) => {
  expect(() => xpmem(options as XpmemOptions)).toThrow(message);
});
