/**
 * How every driver that keeps translations avoids a stale one, without the rest of a driver: the look-up of a page may
 * sleep, so it reads a sequence before and compares it under its lock afterwards.
 *
 *     mmu-notifier check docs/examples/collision.ts
 *
 * Take the comparison out, and the check shows how a page that is gone is mapped.
 */
import type { Program } from '@mmu-notifier/checker';
import { TaskWorld } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';

const program: Program = {
  name: 'collision',
  run(strategy, { explore, tell }) {
    const world = new TaskWorld(strategy);
    const { sync } = world;
    const lock = sync.spinLock('driver');
    const sequence = sync.atomic('sequence');
    const page = sync.atomic('page of the process', 1);
    const mapped = sync.atomic('page of the device');

    function* fault(): Routine<void> {
      for (;;) {
        const before = yield* sequence.load();
        const found = yield* page.load();
        tell(`found page ${found}`);
        yield* lock.acquire();
        const collided = (yield* sequence.load()) !== before;
        if (!collided) yield* mapped.store(found);
        lock.release();
        if (!collided) return;
      }
    }

    function* unmap(): Routine<void> {
      yield* page.store(2);
      yield* lock.acquire();
      yield* sequence.add(1);
      yield* mapped.store(0);
      lock.release();
    }

    world.spawn('fault', fault());
    world.spawn('unmap', unmap());
    explore(() => world.runAll());
    if (mapped.value === 1) world.fail('stale-translation', 'the device maps page 1, which the process has no more');
    return { outcome: `the device maps page ${mapped.value}` };
  },
};

export default program;
