/** Each room of the driver by itself: ASIDs, what a chiplet gives out, shared registration, placement, bookkeeping. */
import type { DeviceAction, Routine } from '@mmu-notifier/plugin-api';
import { gruActions } from '../src/actions.ts';
import { closeContext } from '../src/contexts.ts';
import { getGms, putGms } from '../src/driver/gms.ts';
import type { GruState } from '../src/driver/gru-state.ts';
import type { Gts } from '../src/driver/gts.ts';
import { assignContext, loadContext, unloadContext } from '../src/driver/load.ts';
import { gsegFault, stealContext } from '../src/driver/placement.ts';
import type { GruShared } from '../src/driver/shared.ts';
import { brokenInvariants } from '../src/invariants.ts';
import { rooms } from './rooms.ts';
import type { Rooms } from './rooms.ts';

const first = ({ shared }: Rooms): GruState => shared.chiplets[0]!;

function* locked(gts: Gts, body: () => Routine<unknown>): Routine<void> {
  yield* gts.ctxlock.acquire();
  yield* body();
  gts.ctxlock.release();
}

function load({ it, shared }: Rooms, gts: Gts): void {
  it.run(
    locked(gts, function* () {
      if (!(yield* assignContext(shared, gts))) throw new Error('no room');
      if (!(yield* loadContext(shared, gts))) throw new Error('it does not run');
    }),
  );
}

function unload({ it, shared }: Rooms, gts: Gts): void {
  it.run(locked(gts, () => unloadContext(shared, gts)));
}

function close(room: Rooms): void {
  const { it, shared } = room;
  for (const gts of [...shared.contexts.values()].flat()) it.run(closeContext(shared, gts));
  it.expectClean();
}

const rules = (shared: GruShared): readonly string[] => [...brokenInvariants(shared)].map(({ rule }) => rule);

describe('the allocator of ASIDs', () => {
  const next = (room: Rooms): number => room.it.run(first(room).asids.next(room.shared, first(room)));

  it('hands them out in order, and begins a generation at the end', () => {
    const room = rooms({ maxAsid: 152 });
    const all = Array.from({ length: 18 }, () => next(room));
    expect(all).toEqual(Array.from({ length: 18 }, (_, i) => 8 + 8 * i));
    expect(first(room).asids.generation).toBe(0);
    expect([next(room), first(room).asids.generation]).toEqual([8, 1]);
    close(room);
  });

  it('passes over those of loaded contexts, and purges whenever it looks', () => {
    const room = rooms({ maxAsid: 152, chiplet: 0 });
    const purge = jest.spyOn(first(room), 'purge');
    load(room, room.context());
    for (let i = 0; i < 17; i++) next(room);
    expect(purge).not.toHaveBeenCalled();
    expect(next(room)).toBe(16);
    expect(purge).toHaveBeenCalledTimes(1);
    close(room);
  });

  it('purges at a limit that is an ASID in use, and goes on behind it', () => {
    const room = rooms({ maxAsid: 152, chiplet: 0 });
    for (let i = 0; i < 9; i++) next(room);
    const gts = room.context();
    load(room, gts);
    expect(gts.cch?.asid).toBe(80);
    const seen = Array.from({ length: 18 }, () => next(room));
    expect(seen).not.toContain(80);
    expect(first(room).asids.generation).toBe(1);
    close(room);
  });
});

describe('a chiplet', () => {
  it('gives out registers and data segment, and takes them back', () => {
    const room = rooms({ chiplet: 0 });
    const [small, large] = [room.context(), room.context({ controlBlocks: 64, dataSegmentBytes: 16384 })];
    load(room, small);
    load(room, large);
    expect(first(room).givenOut).toEqual({ cbrs: 68, dsrBytes: 4096 + 16384 });
    unload(room, small);
    expect(first(room).givenOut).toEqual({ cbrs: 64, dsrBytes: 16384 });
    close(room);
    expect(first(room).givenOut).toEqual({ cbrs: 0, dsrBytes: 0 });
  });

  it('has sixteen contexts, 128 registers and 32 KiB of data segment', () => {
    const room = rooms({ chiplet: 0 });
    const fits = (options: object): number => {
      const made: Gts[] = [];
      for (;;) {
        const gts = room.context(options);
        made.push(gts);
        let placed = false;
        room.it.run(
          locked(gts, function* () {
            placed = yield* assignContext(room.shared, gts);
            if (placed) yield* loadContext(room.shared, gts);
          }),
        );
        if (placed) continue;
        for (const one of made) room.it.run(closeContext(room.shared, one));
        return made.length - 1;
      }
    };
    expect(fits({ controlBlocks: 2, dataSegmentBytes: 1024 })).toBe(16);
    expect(fits({ controlBlocks: 32, dataSegmentBytes: 1024 })).toBe(4);
    expect(fits({ controlBlocks: 2, dataSegmentBytes: 10240 })).toBe(3);
    close(room);
  });

  it('moves a data segment and a running instruction with their context', () => {
    const room = rooms();
    const gts = room.context({ chiplet: 0 });
    load(room, gts);
    gts.writeSegment(100, Uint8Array.of(1, 2, 3));
    const block = gts.blocks[1]!;
    block.issue({ opcode: 'vset', address: 0x10000000, length: 8192, element: Uint8Array.of(7) });
    block.done = 4096;
    unload(room, gts);
    const other = room.context({ chiplet: 1 });
    load(room, other);
    gts.config = { ...gts.config, chiplet: 1 };
    load(room, gts);
    expect([...gts.readSegment(100, 3)]).toEqual([1, 2, 3]);
    expect([gts.cbrOf(block).block?.done, gts.cbrOf(block).number]).toEqual([4096, 5]);
    expect(gts.gru?.gid).toBe(1);
    close(room);
  });
});

describe('the object of an address space', () => {
  it('is one for all contexts, and registered once', () => {
    const room = rooms();
    const before = room.machine.stats()['notifier']?.['registrations'] ?? 0;
    const [one, two] = [room.context(), room.context()];
    expect(one.gms).toBe(two.gms);
    expect(room.machine.stats()['notifier']?.['registrations']).toBe(before + 1);
    room.it.run(closeContext(room.shared, one));
    expect(room.shared.spaces.size).toBe(1);
    close(room);
    expect(room.shared.spaces.size).toBe(0);
  });

  it('is not made where registration is interrupted', () => {
    const { it, shared, mm } = rooms();
    it.machine.syscalls.signal(it.process);
    expect(it.run(getGms(shared, mm))).toBe('EINTR');
    expect(shared.spaces.size).toBe(0);
    it.expectClean();
  });

  it('that lost its last context while another one waited is not used again', () => {
    const { it, shared, mm } = rooms();
    const gms = it.run(getGms(shared, mm));
    if (typeof gms === 'string') throw new Error(gms);
    it.run(putGms(shared, gms));
    const again = it.run(getGms(shared, mm));
    if (typeof again === 'string') throw new Error(again);
    expect([again === gms, gms.dead, again.dead]).toEqual([false, true, false]);
    it.run(putGms(shared, again));
    it.expectClean();
  });

  it('gives its ASIDs up with its last context', () => {
    const room = rooms();
    const gts = room.context();
    load(room, gts);
    room.it.run(closeContext(room.shared, gts));
    expect([gts.gms.asidmap, gts.gms.asids.every(({ asid }) => asid === 0)]).toEqual([0, true]);
    close(room);
  });
});

describe('a flush that a process asks for', () => {
  it('does not wait for whoever works on the context', () => {
    const room = rooms();
    const { it: on, shared } = room;
    const gts = room.context();
    load(room, gts);
    const queue = shared.host.sync.waitQueue('test');
    let flushed = false;
    const flush = gruActions(shared)['flush'] as DeviceAction;
    on.spawn(
      'works',
      locked(gts, () => queue.waitUntil(() => flushed)),
    );
    on.spawn(
      'flushes',
      (function* (): Routine<void> {
        expect(yield* flush(on.process.handle, ['0x10000000', '4K'])).toBeUndefined();
        flushed = true;
        queue.wakeAll();
      })(),
    );
    on.machine.runAll();
    close(room);
  });
});

describe('a thief', () => {
  const whole = { controlBlocks: 128, chiplet: 0 };

  it('takes the context behind the last victim, and leaves one alone that was stolen a moment ago', () => {
    const room = rooms();
    const [victim, thief] = [room.context(whole), room.context(whole)];
    load(room, victim);
    expect(room.it.run(stealContext(room.shared, thief))).toBe(true);
    load(room, victim);
    expect(room.it.run(stealContext(room.shared, thief))).toBe(false);
    room.it.run(room.shared.host.tasks.sleep(200e6));
    expect(room.it.run(stealContext(room.shared, thief))).toBe(true);
    expect(victim.statistics.contextStolen).toBe(2);
    close(room);
  });

  it('leaves a context alone that somebody works on', () => {
    const room = rooms();
    const [victim, thief] = [room.context(whole), room.context(whole)];
    load(room, victim);
    room.it.run(
      locked(victim, function* () {
        expect(yield* stealContext(room.shared, thief)).toBe(false);
      }),
    );
    close(room);
  });

  it('is what a touch becomes when it has waited for room', () => {
    const room = rooms();
    const [victim, thief] = [room.context(whole), room.context(whole)];
    load(room, victim);
    expect(room.it.run(gsegFault(room.shared, thief))).toBeUndefined();
    expect([victim.loaded, thief.loaded, room.shared.host.tasks.now()]).toEqual([false, true, 20e6]);
    close(room);
  });
});

describe('an invariant tells', () => {
  it('nothing of a sound device', () => {
    const room = rooms();
    load(room, room.context());
    expect(rules(room.shared)).toEqual([]);
    close(room);
  });

  it.each<[string, (gts: Gts, shared: GruShared) => () => void]>([
    [
      'gru-asid',
      (gts) => {
        const { cch } = gts;
        const { asid } = cch!;
        cch!.asid = 800;
        return () => void (cch!.asid = asid);
      },
    ],
    [
      'gru-asidmap',
      ({ gms }) => {
        const { asidmap } = gms;
        gms.asidmap = 0;
        return () => void (gms.asidmap = asidmap);
      },
    ],
    [
      'gru-release',
      ({ gms }) => {
        gms.released = true;
        return () => void (gms.released = false);
      },
    ],
    [
      'gru-cbrs',
      (gts) => {
        const { config } = gts;
        gts.config = { ...config, controlBlocks: 6 };
        return () => void (gts.config = config);
      },
    ],
    [
      'gru-dsr',
      (gts) => {
        const { config } = gts;
        gts.config = { ...config, dataSegmentBytes: 1024 };
        return () => void (gts.config = config);
      },
    ],
    [
      'gru-balance',
      (_gts, { warnings }) => {
        warnings.push('more ends than starts');
        return () => void warnings.pop();
      },
    ],
  ])('%s', (rule, spoil) => {
    const room = rooms();
    const gts = room.context();
    load(room, gts);
    const mend = spoil(gts, room.shared);
    expect(rules(room.shared)).toContain(rule);
    mend();
    expect(rules(room.shared)).toEqual([]);
    close(room);
  });
});
