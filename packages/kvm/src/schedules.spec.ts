/**
 * Many tasks at once under seeded random schedules. The fake machine throws on a use after free and on an access
 * through a flushed translation; here it is also checked, at every step, that the driver's books balance, that a range
 * between start and end is unreachable, and, at the end, that the guest sees the process's pages and nothing else.
 */
import { BASE, Guest, PAGE } from '../test/guest.ts';
import type { FakeTask } from '../test/fake-sync.ts';
import { withoutGuard } from './testing.ts';
import type { KvmGuard } from './testing.ts';

const PAGES = 4;
const MEMSLOTS = [
  { slot: 0, gpa: 0, size: PAGES * PAGE, hva: BASE },
  { slot: 1, gpa: 2 ** 40, size: 2 * PAGE, hva: BASE },
];

/** Mulberry32. */
function randomBelow(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

/** What a seed does: accesses, windows of several kinds, and a memslot that comes and goes. */
function tasksOf(guest: Guest, random: (n: number) => number, extra: 'none' | 'close' | 'exit'): FakeTask[] {
  const { host, mm } = guest;
  const page = (): number => BASE + random(PAGES) * PAGE;
  const access = (): FakeTask => {
    const kind = random(3) === 0 ? 'load' : 'store';
    const [space, address] =
      random(3) === 0 ? (['gpa', 2 ** 40 + random(2) * PAGE] as const) : (['process', page()] as const);
    return guest.task('access', guest.access(kind, address + PAGE - 4, new Uint8Array(8), space));
  };
  const window = (): FakeTask => {
    const start = page();
    const end = start + (1 + random(2)) * PAGE;
    if (random(3) === 0) return guest.task('protect', host.writeProtect(mm, start, end));
    return guest.task('discard', host.unmap(mm, start, end, 'keep', random(2) === 0));
  };
  const tasks = [access(), access(), access(), window(), window(), access()];
  const slot = random(4) === 0 ? ['1', '0', '0', '0'] : ['1', '4096G', '8K', String(BASE)];
  tasks.push(guest.task('memslot', guest.memslotRoutine(...slot)));
  if (extra === 'close') tasks.push(guest.task('close', guest.device.close(guest.process)));
  if (extra === 'exit') tasks.push(guest.task('exit', host.exit(guest.process)));
  return tasks;
}

function run(seed: number, extra: 'none' | 'close' | 'exit' = 'none', pin = false): Guest {
  const random = randomBelow(seed);
  const guest = new Guest({ pin, vcpuTlbEntries: 2 }, { memslots: MEMSLOTS });
  guest.host.map(guest.mm, BASE, PAGES + 2);
  if (!pin) {
    guest.host.barrier = (mm, start, end) => {
      for (const it of guest.device.translations()) {
        if (it.mm === mm && it.address >= start && it.address < end) throw new Error('reachable in a window');
      }
    };
  }
  const tasks = tasksOf(guest, random, extra);
  for (;;) {
    const runnable = tasks.filter((task) => task.runnable);
    if (runnable.length === 0) break;
    runnable[random(runnable.length)]!.step();
    const broken = guest.broken();
    if (broken.length > 0) throw new Error(`seed ${seed}: ${broken.join()}`);
  }
  expect(tasks.filter((task) => !task.done).map(({ name, at }) => `${name} at ${at}`)).toEqual([]);
  return guest;
}

const seeds = Array.from({ length: 400 }, (_, seed) => seed);

describe('in random schedules', () => {
  it('the guest ends with translations that agree with the page tables', () => {
    for (const seed of seeds) {
      const guest = run(seed);
      for (const { address, pfn, writable } of guest.device.translations()) {
        const pte = guest.host.pte(guest.mm, address);
        expect({ seed, pfn, writable: writable && pte?.writable === true }).toEqual({ seed, pfn: pte?.pfn, writable });
      }
    }
  });

  it('a VM that is closed meanwhile leaves nothing behind', () => {
    for (const seed of seeds) {
      const guest = run(seed, 'close');
      expect([guest.reachable(), guest.mm.grabs, guest.mm.users, guest.host.stat('pages_4k')]).toEqual([[], 0, 1, 0]);
    }
  });

  it('a process that exits meanwhile leaves nothing reachable and no frame behind', () => {
    for (const seed of seeds) {
      const guest = run(seed, 'exit');
      expect([guest.reachable(), guest.mm.users]).toEqual([[], 0]);
    }
  });

  it('pins balance, whatever the process unmaps', () => {
    for (const seed of seeds) {
      const guest = run(seed, 'none', true);
      expect(guest.host.pins).toBe(guest.host.stat('pages_4k'));
      guest.run(guest.device.close(guest.process));
      expect(guest.host.pins).toBe(0);
    }
  });

  it('the same seed gives the same run', () => {
    const story = (): unknown => {
      const { host } = run(77);
      const entries = host.entries.map(({ state, translation: { deviceAddress, pfn } }) => [state, deviceAddress, pfn]);
      return [host.events, [...host.counters], entries];
    };
    expect(story()).toEqual(story());
  });

  it.each<KvmGuard>(['sequence-check', 'in-progress-check', 'check-under-lock', 'flush'])(
    'a driver without its %s is caught',
    (guard) => {
      const restore = withoutGuard(guard);
      try {
        expect(() => seeds.forEach((seed) => run(seed))).toThrow(/use-after-free|stale access|reachable in a window/);
      } finally {
        restore();
      }
    },
  );
});
