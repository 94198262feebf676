/** Segments of another node: accesses, recalls, and links on which everything goes wrong. */
import fc from 'fast-check';
import { ContractViolation } from '@mmu-notifier/core';
import type { LinkFaults } from '@mmu-notifier/core';
import type {
  IntervalNotifierService,
  IntervalOps,
  IntervalSubscription,
  MmHandle,
  NotifierRange,
  PluginHost,
  Routine,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import { decodeList, encodeList, unpackLoads } from '../src/remote/list.ts';
import type { RemoteAccess } from '../src/remote/permits.ts';
import { decode, encode, Type } from '../src/remote/wire.ts';
import { withoutGuard } from '../src/testing.ts';
import type { XpmemGuard } from '../src/testing.ts';
import { AREA, PAGE } from './machine.ts';
import { Nodes, PAGES } from './nodes.ts';
import type { Options } from './nodes.ts';

const SEEDS = Number(process.env['XPMEM_SEEDS'] ?? 40);

describe('a segment of another node', () => {
  it('is loaded and stored through the link, and at home in the memory of its process', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`);
    expect(it.say(`load ${apid} ${PAGE} 1`)).toBe('02');
    expect(it.say(`store ${apid} ${2 * PAGE - 1} 0a0b`)).toBeUndefined();
    expect([it.byte(AREA + 2 * PAGE - 1), it.byte(AREA + 2 * PAGE)]).toEqual([10, 11]);
    expect(it.usable()).toEqual([1, 2]);
    it.expectClean();
  });

  it('takes a list of accesses in one message, in their order, across pages', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`) as string;
    const long = Uint8Array.from({ length: 2 * PAGE }, (_, i) => i % 251);
    const [first, second, third] = [new Uint8Array(1), new Uint8Array(1), new Uint8Array(2 * PAGE)];
    const accesses: RemoteAccess[] = [
      { address: 0, kind: 'load', data: first },
      { address: 0, kind: 'store', data: Uint8Array.of(99) },
      { address: 0, kind: 'load', data: second },
      { address: PAGE / 2, kind: 'store', data: long },
      { address: PAGE / 2, kind: 'load', data: third },
    ];
    expect(it.run(it.list(apid, accesses), it.consumer)).toEqual({ done: 5, error: undefined });
    expect([first[0], second[0], it.byte(AREA)]).toEqual([1, 99, 99]);
    expect(third).toEqual(long);
    // get, three faults to read and three to write, and one list.
    expect(it.stat('home', 'remote_accesses')).toBe(9);
    it.expectClean();
  });

  it('makes a list up to the access that cannot be, and says why', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} ro home`) as string;
    const list = (...addresses: number[]): RemoteAccess[] =>
      addresses.map((address) => ({ address, kind: 'load', data: new Uint8Array(1) }));
    expect(it.run(it.list(apid, list(0, PAGE, 99 * PAGE, 0)), it.consumer)).toEqual({ done: 2, error: 'EFAULT' });
    const store: RemoteAccess = { address: 0, kind: 'store', data: Uint8Array.of(1) };
    expect(it.run(it.list(apid, [...list(0), store]), it.consumer)).toEqual({ done: 1, error: 'EACCES' });
    it.expectClean();
  });

  it('is attached: the device reaches through the window, the CPU does not', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`) as string;
    const at = Number(it.say(`attach ${apid} ${PAGE} ${2 * PAGE}`));
    const data = new Uint8Array(2);
    const access = (address: number, kind: 'load' | 'store'): unknown =>
      it.run(it.away.access({ process: it.consumer.handle, space: 'process', address, kind, data }), it.consumer);
    expect([access(at, 'load'), data[0]]).toEqual(['done', 2]);
    data.set([21, 22]);
    expect(access(at + PAGE - 1, 'store')).toBe('done');
    expect([it.byte(AREA + 2 * PAGE - 1), it.byte(AREA + 2 * PAGE)]).toEqual([21, 22]);
    expect(it.run(it.machine.load(it.consumer, at, 1, data), it.consumer)?.signal).toBe('SIGBUS');
    expect([access(at + 2 * PAGE - 1, 'load'), access(at - 1, 'load')]).toEqual(['EFAULT', 'EFAULT']);
    it.run(it.machine.syscalls.munmap(it.source, AREA + PAGE, PAGE));
    expect(access(at, 'load')).toBe('EFAULT');
    expect(it.say(`attach ${apid} 0 ${PAGE} ${at}`)).toBe('EINVAL');
    expect(it.say(`detach ${at}`)).toBeUndefined();
    expect([access(at, 'load'), it.stat('away', 'detached')]).toEqual(['EFAULT', 1]);
    const again = Number(it.say(`attach ${apid} 0 ${PAGE} ${at}`));
    expect([again, it.say(`release ${apid}`), access(again, 'load')]).toEqual([at, undefined, 'EFAULT']);
    it.expectClean();
  });

  it('follows its process through swap, fork and a new mapping: one message a range', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`);
    const look = () => [0, 1, 2, 3].map((page) => it.say(`load ${apid} ${page * PAGE} 1`));
    expect(look()).toEqual(['01', '02', '03', '04']);
    it.run(it.machine.syscalls.madvise(it.source, AREA, 3 * PAGE, 'dontneed'));
    expect([it.usable(), it.stat('home', 'recalls_sent')]).toEqual([[3], 1]);
    expect(look()).toEqual(['00', '00', '00', '04']);
    for (const page of [0, 1, 2]) it.say(`store ${apid} ${page * PAGE} 0${page + 5}`);
    it.run(it.machine.syscalls.madvise(it.source, AREA, PAGES * PAGE, 'pageout'));
    expect(it.usable()).toEqual([]);
    expect(look()).toEqual(['05', '06', '07', '04']);
    it.run(it.machine.syscalls.fork(it.source));
    it.say(`store ${apid} 0 63`);
    expect(it.byte(AREA)).toBe(99);
    it.expectClean();
  });

  it.each([
    ['get 0x900000001 rw home', 'ENOENT'],
    ['get 0 rw home', 'EINVAL'],
    ['get SEGID both home', 'EINVAL'],
    ['get SEGID rw nowhere', 'ECONNREFUSED'],
    ['attach APID 0 0', 'EINVAL'],
    ['attach APID 0 4K 0x123', 'EINVAL'],
    ['load APID 16K 1', 'EFAULT'],
    ['store APID 16380 0102030405', 'EFAULT'],
  ])('%s: %s', (words, answer) => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`) as string;
    expect(it.say(words.replace('SEGID', it.segid).replace('APID', apid))).toBe(answer);
    it.expectClean();
  });

  it('is for those whom its mode lets in', () => {
    const it = new Nodes({ mode: '664' });
    expect(it.say(`get ${it.segid} rw home`)).toBe('EACCES');
    const apid = it.say(`get ${it.segid} ro home`);
    expect([it.say(`load ${apid} 0 1`), it.say(`store ${apid} 0 01`)]).toEqual(['01', 'EACCES']);
    it.expectClean();
  });

  it('goes with its process, and with its segment', () => {
    const it = new Nodes();
    const apid = it.say(`get ${it.segid} rw home`);
    it.say(`load ${apid} 0 1`);
    it.run(it.verb(it.home, it.source, `remove ${it.segid}`));
    expect([it.usable(), it.say(`load ${apid} 0 1`)]).toEqual([[], 'ENOENT']);
    it.expectClean();
  });

  it('comes back in a new session after the link was cut, and is out of reach meanwhile', () => {
    const it = new Nodes({ links: { silenceNs: 1e10 }, leaseNs: 1e8 });
    const apid = it.say(`get ${it.segid} rw home`);
    it.say(`load ${apid} 0 1`);
    it.machine.cutLinks('away');
    expect(it.usable()).toEqual([0]);
    it.run(it.machine.syscalls.munmap(it.source, AREA, PAGE));
    expect([it.usable(), it.stat('home', 'leases_expired')]).toEqual([[], 1]);
    expect(it.say(`load ${apid} ${PAGE} 1`)).toBe('ETIMEDOUT');
    expect(it.say(`load ${apid} ${PAGE} 1`)).toBe('02');
    it.expectClean();
  });
});

it('refuses an invalidation that may not wait, where another node has pages, and has changed nothing', () => {
  let ops: IntervalOps = {};
  const it = new Nodes({
    wrap: (plugin) => ({
      ...plugin,
      attach: (host) => {
        const intervals = host.intervals as IntervalNotifierService;
        const insert: IntervalNotifierService['insert'] = (mm, start, length, given) =>
          intervals.insert(mm, start, length, (ops = given));
        return plugin.attach({ ...host, intervals: { ...intervals, insert } });
      },
    }),
  });
  const apid = it.say(`get ${it.segid} rw home`);
  it.say(`load ${apid} 0 1`);
  const mm = it.source.handle.mm as MmHandle;
  const ask = (page: number): boolean | undefined => {
    const [start, end] = [AREA + page * PAGE, AREA + (page + 1) * PAGE] as VirtualAddress[];
    const range = { mm, start, end, event: 'CLEAR', blockable: false } as NotifierRange;
    const subscription = { mm, start, end } as IntervalSubscription;
    return it.run(ops.invalidate?.(subscription, range, 1) ?? none());
  };
  expect([ask(0), it.usable(), ask(1)]).toEqual([false, [0], true]);
  expect(it.say(`load ${apid} 0 1`)).toBe('01');
  it.expectClean();
});

function* none(): Routine<undefined> {
  return undefined;
}

describe('a message', () => {
  it('is what was sent, or nothing', () => {
    const frame = { type: Type.store, flag: 1, offset: 4, number: 7, page: 3, count: 2, id: 2 ** 33 + 1 };
    const message = encode({ ...frame, body: Uint8Array.of(1, 2) });
    expect(decode(message)).toEqual({ ...frame, body: Uint8Array.of(1, 2) });
    expect(decode(message.subarray(0, 20))).toBeUndefined();
    expect(decode(encode({ ...frame, type: 99 }))).toBeUndefined();
    expect(decode(encode({ ...frame, offset: 4095, body: Uint8Array.of(1, 2) }))).toBeUndefined();
    expect(decode(encode({ ...frame, id: NaN }))).toBeUndefined();
    expect(decode(new Uint8Array(100_000))).toBeUndefined();
  });

  it('with a list is read whole, or not at all', () => {
    const accesses = [
      { page: 2 ** 35, offset: 1, kind: 'store', data: Uint8Array.of(1, 2) },
      { page: 0, offset: 0, kind: 'load', data: new Uint8Array(3) },
    ] as const;
    const { body, next } = encodeList(accesses, 0);
    expect([decodeList(body), next]).toEqual([accesses, 2]);
    for (let length = 1; length < body.length; length++)
      if (length !== 15) expect(decodeList(body.subarray(0, length))).toBeUndefined();
    const loads = Array.from({ length: 17 }, () => ({ ...accesses[1], data: new Uint8Array(4096) }));
    expect(encodeList(loads, 0).next).toBe(16);
    expect(unpackLoads(accesses, 0, 2, Uint8Array.of(1, 2))).toBe(false);
  });

  it('of a stranger does nothing, and is counted', () => {
    const it = new Nodes();
    const { host } = (it.away as unknown as { shared: { host: PluginHost } }).shared;
    it.run(
      (function* (): Routine<void> {
        const link = yield* host.links?.connect('home') ?? [];
        if (typeof link !== 'object') throw new Error('no link');
        for (const bytes of [[], [1], Array<number>(24).fill(255)]) link.send(Uint8Array.from(bytes));
        link.send(encode({ type: Type.store, number: 1, id: Number(it.segid), body: Uint8Array.of(9) }));
        const reply = yield* link.receive();
        expect(typeof reply === 'string' ? reply : decode(reply)).toMatchObject({ type: Type.reply, flag: 2 });
      })(),
    );
    expect([it.stat('home', 'bad_messages'), it.byte(AREA)]).toEqual([3, 1]);
    it.expectClean();
  });
});

it('survives whatever a peer with the key sends, and keeps it to its segment', () => {
  const it = new Nodes();
  const outside = AREA + PAGES * PAGE;
  const call = { address: outside, length: PAGE, prot: 'rw', flags: ['private', 'fixed'] };
  it.run(it.machine.syscalls.mmap(it.source, call));
  it.run(it.machine.store(it.source, outside, 1, Uint8Array.of(77)));
  const { host } = (it.away as unknown as { shared: { host: PluginHost } }).shared;
  const number = fc.oneof(fc.nat(6), fc.nat(2 ** 32 - 1));
  const big = fc.oneof(fc.nat(8), fc.nat(), fc.constantFrom(2 ** 35, 2 ** 52, Number(it.segid)));
  const list = fc
    .array(
      fc.record({
        page: big,
        offset: fc.nat(4095),
        kind: fc.constantFrom('load' as const, 'store' as const),
        data: fc.uint8Array({ maxLength: 9 }),
      }),
    )
    .map((accesses) => encodeList(accesses, 0).body);
  const frame = fc
    .record({
      type: fc.integer({ min: 0, max: 10 }),
      flag: fc.nat(2),
      offset: fc.nat(65535),
      number,
      page: big,
      count: big,
      id: fc.oneof({ weight: 3, arbitrary: fc.constant(Number(it.segid)) }, big),
      body: fc.oneof(fc.uint8Array({ maxLength: 40 }), list),
    })
    .map(encode);
  const flood = fc.sample(fc.oneof({ weight: 9, arbitrary: frame }, fc.uint8Array({ maxLength: 90 })), {
    seed: 7,
    numRuns: 4000,
  });
  it.run(
    (function* (): Routine<void> {
      const link = yield* host.links?.connect('home') ?? [];
      if (typeof link !== 'object') throw new Error('no link');
      link.send(encode({ type: Type.get, flag: 1, number: 2 ** 32 - 1, id: Number(it.segid) }));
      for (const message of flood) {
        while (link.send(message) === 'EAGAIN') yield* link.receive();
        yield* link.receive(1);
      }
      link.close();
    })(),
  );
  expect(it.stat('home', 'bad_messages')).toBeGreaterThan(500);
  expect(it.stat('home', 'remote_accesses')).toBeGreaterThan(0);
  expect(it.byte(outside)).toBe(77);
  // Nobody has been shut out by it.
  const apid = it.say(`get ${it.segid} rw home`);
  expect([it.say(`store ${apid} 0 05`), it.say(`load ${apid} 0 1`)]).toEqual([undefined, '05']);
  it.expectClean();
});

const FAULTS: Record<string, LinkFaults> = {
  loss: { loss: true },
  delay: { delay: true, delayNs: 3e7 },
  reordering: { reordering: true, delayNs: 3e7 },
  duplication: { duplication: true, delayNs: 3e7 },
  disconnection: { disconnection: true, silenceNs: 1e9 },
  everything: { loss: true, delay: true, reordering: true, duplication: true, disconnection: true, delayNs: 3e7 },
};

/** What `use` could not do: a peer that cannot be reached is no violation. */
const ALLOWED = ['done', 'ECONNRESET', 'ETIMEDOUT', 'ECONNREFUSED', 'EHOSTUNREACH', 'EFAULT', 'ENOENT'];

function* use(it: Nodes, apid: string): Routine<void> {
  for (const page of [0, 1, 2, 1, 0, 3]) {
    for (const kind of ['store', 'load'] as const) {
      const result = yield* it.access(apid, kind, page * PAGE + 1, Uint8Array.of(44));
      if (typeof result !== 'string' || !ALLOWED.includes(result)) throw new Error(`${kind} answers ${String(result)}`);
    }
  }
}

/** All of it at once, in one message where nobody is in the way. */
function* useList(it: Nodes, apid: string): Routine<void> {
  const accesses = [0, 1, 2, 1, 0, 3].flatMap((page): RemoteAccess[] => [
    { address: page * PAGE + 1, kind: 'store', data: Uint8Array.of(page + 60) },
    { address: page * PAGE + 1, kind: 'load', data: new Uint8Array(1) },
  ]);
  const { done, error = 'done' } = yield* it.list(apid, accesses);
  if (!ALLOWED.includes(error)) throw new Error(`the list answers ${error} after ${done}`);
}

/** The source gives pages away for good; nobody may be able to reach them then. */
function* shrink(it: Nodes, seed: number): Routine<void> {
  yield* it.sleep((seed % 7) * 1e6);
  yield* it.machine.syscalls.madvise(it.source, AREA + 2 * PAGE, 2 * PAGE, 'dontneed');
  for (const page of [0, 1]) {
    yield* it.sleep((seed % 5) * 1e6);
    yield* it.machine.syscalls.munmap(it.source, AREA + page * PAGE, PAGE);
    if (it.usable().includes(page)) throw new Error(`unreachable: page ${page} is freed and another node uses it`);
  }
}

interface Counts {
  readonly recalls: number;
  readonly expired: number;
}

/** @throws ContractViolation and Error */
function race(seed: number, links: LinkFaults, more: Options = {}): Counts {
  const it = new Nodes({ seed, probability: 0.25, links: { latencyNs: 5e5, ...links }, leaseNs: 1e8, ...more });
  const got = it.say(`get ${it.segid} rw home`) as string;
  if (got.startsWith('E')) return { recalls: 0, expired: 0 };
  it.machine.spawn('uses', use(it, got), it.consumer);
  it.machine.spawn('uses too', use(it, got), it.consumer);
  it.machine.spawn('uses a list', useList(it, got), it.consumer);
  it.machine.spawn('shrinks', shrink(it, seed), it.source);
  it.machine.runAll();
  const counts = { recalls: it.stat('home', 'recalls_sent'), expired: it.stat('home', 'leases_expired') };
  const violations = it.machine.shutdown();
  it.machine.close();
  if (violations[0] !== undefined) throw new ContractViolation(violations[0]);
  return counts;
}

describe.each(Object.keys(FAULTS))('a link with %s', (name) => {
  it('lets nobody reach a page that is gone, under any seed', () => {
    const found: string[] = [];
    const all = { recalls: 0, expired: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const { recalls, expired } = race(seed, FAULTS[name] as LinkFaults);
        all.recalls += recalls;
        all.expired += expired;
      } catch (error) {
        found.push(`seed ${seed}: ${(error as Error).message}`);
      }
    }
    expect(found).toEqual([]);
    // Otherwise nothing was shown.
    expect(all.recalls).toBeGreaterThan(SEEDS / 4);
    if (FAULTS[name]?.disconnection) expect(all.expired).toBeGreaterThan(0);
  });
});

function firstFound(guard: XpmemGuard, links: LinkFaults): string {
  const restore = withoutGuard(guard);
  try {
    for (let seed = 1; seed <= 400; seed++) race(seed, links);
    return 'nothing found';
  } catch (error) {
    return (error as Error).message;
  } finally {
    restore();
  }
}

describe('without', () => {
  it.each([
    ['answer', 'delay'],
    ['lease', 'disconnection'],
    ['overtaken-fault', 'reordering'],
  ] as const)('%s, a page that is gone is reached: links with %s', (guard, faults) => {
    expect(firstFound(guard, FAULTS[faults] as LinkFaults)).toMatch(/^(unreachable|start-is-a-barrier)/);
  });
});
