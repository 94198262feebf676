/**
 * The retry protocol case by case, the table of `consumers.md` §8.9. A fault: a reads the sequence, b gets the page, c
 * takes the lock, checks and installs. A window: 1 start, 2 the ptes change and the page may be freed, 3 end.
 * The fake machine throws as soon as a frame is freed that the device can reach.
 */
import { BASE, Guest, PAGE } from '../test/guest.ts';
import type { FakeTask } from '../test/fake-sync.ts';
import { MmuInvalidate } from './retry.ts';
import { withoutGuard } from './testing.ts';
import type { KvmGuard } from './testing.ts';

const before = { a: 'load kvm0.p1.mmuInvalidateSeq', b: 'kvm: get user page', c: 'lock kvm0.p1.mmuLock' };
const after = { 1: 'window change', 2: 'window end' };
const asleep = 'wait kvm0.p1.retryQueue';

/** A page that the process has written to: the guest must never see the old byte 1 once the page is gone. */
function guestWithOnePage(): Guest {
  const guest = new Guest();
  guest.host.map(guest.mm, BASE, 16);
  populate(guest);
  return guest;
}

function populate(guest: Guest): void {
  guest.host.populate(guest.mm, BASE, 'rw');
  guest.host.frame(guest.host.pte(guest.mm, BASE)!.pfn).bytes[0] = 1;
}

function fault(guest: Guest, address = BASE): FakeTask {
  return guest.task('fault', guest.access('store', address, Uint8Array.of(2)));
}

function discard(guest: Guest, pages = 1): FakeTask {
  return guest.task('window', guest.host.unmap(guest.mm, BASE, BASE + pages * PAGE, 'keep'));
}

/** A window that changes nothing. */
function quiet(guest: Guest, firstPage: number, pages = 1): FakeTask {
  const start = BASE + firstPage * PAGE;
  return guest.task(
    'quiet',
    guest.host.window(guest.mm, start, start + pages * PAGE, 'CLEAR', true, () => undefined),
  );
}

/** Everything has ended: the guest sees the process's page and nothing else. */
function expectCoherent(guest: Guest): void {
  expect(guest.broken()).toEqual([]);
  for (const { address, pfn } of guest.device.translations()) expect(guest.host.pte(guest.mm, address)?.pfn).toBe(pfn);
  guest.store(BASE, [7]);
  expect(guest.host.frame(guest.host.pte(guest.mm, BASE)!.pfn).bytes[0]).toBe(7);
}

/** The early check may err, so the one under the lock must be enough. */
function blindEarlyCheck(): void {
  jest.spyOn(MmuInvalidate.prototype, 'retryGfnUnsafe').mockImplementation(function* () {
    return false;
  });
}

afterEach(() => jest.restoreAllMocks());

/** Orders in which a fault meets one window; each runs on a new guest and drives both tasks to the end. */
const orders: Readonly<Record<string, (guest: Guest) => void>> = {
  'a b c 1 2 3': (guest) => {
    fault(guest).finish();
    discard(guest).finish();
    expect(guest.host.stat('translations_invalidated')).toBe(1);
  },
  'a b 1 c 2 3': (guest) => {
    const f = fault(guest).runTo(before.c);
    const window = discard(guest).runTo(after[1]);
    f.runWhileRunnable();
    window.finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
  'a b 1 2 3 c': (guest) => {
    const f = fault(guest).runTo(before.c);
    discard(guest).finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
  'a 1 b c 2 3': (guest) => {
    const f = fault(guest).runTo(before.b);
    const window = discard(guest).runTo(after[1]);
    f.runWhileRunnable();
    window.finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
  '1 a b c 2 3': (guest) => {
    const window = discard(guest).runTo(after[1]);
    const f = fault(guest).runWhileRunnable();
    window.finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
  '1 a b 2 3 c': (guest) => {
    const window = discard(guest).runTo(after[1]);
    const f = fault(guest).runTo(before.c);
    window.finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
  '1 2 a b 3 c': (guest) => {
    const window = discard(guest).runTo(after[2]);
    const f = fault(guest).runTo(before.c);
    window.finish();
    f.finish();
    expect(guest.host.stat('retries')).toBe(1);
  },
};

describe('a fault and a window', () => {
  it.each(Object.keys(orders))('in the order %s', (order) => {
    blindEarlyCheck();
    const guest = guestWithOnePage();
    orders[order]!(guest);
    expectCoherent(guest);
  });

  it('whose start is half done when the sequence is read', () => {
    const guest = guestWithOnePage();
    const window = discard(guest).runTo('add kvm0.p1.mmuInvalidateInProgress');
    const f = fault(guest).runTo(before.c);
    window.finish();
    f.finish();
    expectCoherent(guest);
  });

  it('whose end has bumped the sequence and not yet dropped the count', () => {
    const guest = guestWithOnePage();
    const window = discard(guest)
      .runTo(after[2])
      .runTo('add kvm0.p1.mmuInvalidateSeq')
      .runTo('add kvm0.p1.mmuInvalidate');
    const f = fault(guest).runWhileRunnable();
    expect(f.at).toContain(asleep);
    window.finish();
    f.finish();
    expectCoherent(guest);
  });

  it('that covers the gfn: the fault sleeps before it gets the page, and is woken by the end', () => {
    const guest = guestWithOnePage();
    const window = discard(guest).runTo(after[1]);
    const f = fault(guest).runWhileRunnable();
    expect(f.at).toContain(asleep);
    expect(guest.host.frame(guest.host.pte(guest.mm, BASE)!.pfn).references).toBe(1);
    window.finish();
    expect(f.finish()).toBe('done');
    expect(guest.host.stat('retries')).toBe(1);
  });

  it('that does not cover the gfn: the fault goes on', () => {
    const guest = guestWithOnePage();
    const window = quiet(guest, 3).runTo(after[1]);
    expect(fault(guest).finish()).toBe('done');
    expect(guest.host.stat('retries')).toBe(0);
    window.finish();
    expectCoherent(guest);
  });

  it('that meets no memslot: mmuLock is not taken, nothing is in progress', () => {
    const guest = new Guest({}, { memslots: [] });
    const window = quiet(guest, 0).runTo(after[1]);
    expect(guest.host.stat('invalidations')).toBe(0);
    window.finish();
    expect(guest.broken()).toEqual([]);
  });

  it('that may not block: start proceeds', () => {
    const guest = guestWithOnePage();
    guest.store(BASE, [1]);
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE, 'keep', false));
    expect(guest.reachable()).toEqual([]);
  });
});

describe('the retry pair', () => {
  it('retries where a window is in progress without a range, which is a bug elsewhere', () => {
    const { sched, sync } = new Guest().host;
    const mmuLock = sync.spinLock('mmuLock');
    const invalidate = new MmuInvalidate(sync, mmuLock, 'vm');
    sched.run(invalidate.begin());
    expect(invalidate.retryGfn(0, 5)).toBe(true);
    invalidate.widen(1, 2);
    expect([invalidate.retryGfn(0, 5), invalidate.retryGfn(0, 1)]).toEqual([false, true]);
  });
});

describe('windows that overlap', () => {
  it('are counted: the end of one does not end the other (1 1′ a b 3 c 2′ 3′)', () => {
    blindEarlyCheck();
    const guest = guestWithOnePage();
    const first = quiet(guest, 0).runTo(after[1]);
    const second = discard(guest).runTo(after[1]);
    const f = fault(guest).runTo(before.b);
    first.finish();
    f.runWhileRunnable();
    expect(f.at).toContain(asleep);
    second.finish();
    f.finish();
    expectCoherent(guest);
  });

  it('have one range that never shrinks: a fault behind the first end waits for the last', () => {
    const guest = guestWithOnePage();
    const near = quiet(guest, 0).runTo(after[1]);
    const far = quiet(guest, 10).runTo(after[1]);
    near.finish();
    const covered = fault(guest).runWhileRunnable();
    const between = fault(guest, BASE + 5 * PAGE).runWhileRunnable();
    expect([covered.at, between.at]).toEqual([asleep, asleep]);
    expect(fault(guest, BASE + 11 * PAGE).finish()).toBe('done');
    far.finish();
    covered.finish();
    between.finish();
    expectCoherent(guest);
  });

  it('start with a fresh range when the count was 0', () => {
    const guest = guestWithOnePage();
    quiet(guest, 10).finish();
    const near = quiet(guest, 0).runTo(after[1]);
    expect(fault(guest, BASE + 5 * PAGE).finish()).toBe('done');
    near.finish();
  });
});

describe('memslots between start and end', () => {
  it('do not change: the update waits for every window of the process', () => {
    const guest = new Guest({}, { memslots: [{ slot: 0, gpa: 0, size: 16 * PAGE, hva: BASE }] });
    const window = quiet(guest, 0).runTo(after[1]);
    const update = guest.task('update', guest.memslotRoutine('1', '1M', '64K', '16M')).runWhileRunnable();
    expect(update.at).toBe('wait kvm0.p1.slotsQueue');
    const elsewhere = quiet(guest, 1000).runTo(after[1]);
    window.finish();
    expect(update.runWhileRunnable().done).toBe(false);
    elsewhere.finish();
    expect(update.finish()).toBeUndefined();
    expect(guest.broken()).toEqual([]);
  });
});

describe('the driver without', () => {
  const restore: (() => void)[] = [];
  const without = (guard: KvmGuard): void => void restore.push(withoutGuard(guard));
  afterEach(() => restore.splice(0).forEach((back) => back()));

  const stale = /use-after-free|stale access/;

  it('its sequence check maps a page that is gone', () => {
    without('sequence-check');
    expect(() => orders['a b 1 2 3 c']!(guestWithOnePage())).toThrow(stale);
  });

  it('its in-progress check maps a page that is about to go', () => {
    without('in-progress-check');
    expect(() => orders['1 a b c 2 3']!(guestWithOnePage())).toThrow(stale);
  });

  it('the lock around its check maps a page that goes between the two', () => {
    without('check-under-lock');
    const guest = guestWithOnePage();
    const f = fault(guest).runTo(before.c);
    expect(() => {
      discard(guest).finish();
      f.finish();
    }).toThrow(stale);
  });

  it('a sequence that grows at the end misses a window that was opening', () => {
    without('sequence-at-end');
    const guest = guestWithOnePage();
    const window = discard(guest).runTo('add kvm0.p1.mmuInvalidateInProgress');
    const f = fault(guest).runTo(before.c);
    expect(() => {
      window.finish();
      f.finish();
    }).toThrow(stale);
  });

  it('a count of windows forgets the one that is still open', () => {
    without('window-count');
    const guest = guestWithOnePage();
    const first = quiet(guest, 0).runTo(after[1]);
    const second = discard(guest).runTo(after[1]);
    first.finish();
    fault(guest).finish();
    expect(() => second.finish()).toThrow(stale);
  });

  it('its flush leaves a TLB entry to a page that is freed', () => {
    without('flush');
    expect(() => orders['a b c 1 2 3']!(guestWithOnePage())).toThrow(stale);
  });

  it('nothing is whole again', () => {
    orders['a b 1 2 3 c']!(guestWithOnePage());
  });
});
