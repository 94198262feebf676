/** Opening and closing beside everything else: registration is shared, and leaving waits for nobody. */
import type { Routine } from '@mmu-notifier/plugin-api';
import { AREA, GruMachine, PAGE } from './machine.ts';

const SEEDS = Number(process.env['GRU_SEEDS'] ?? 60);

function withPages(seed: number): GruMachine {
  const it = new GruMachine({ seed, frames: 96 });
  it.map(4);
  it.poke(AREA, [1]);
  return it;
}

function finish(it: GruMachine, seed: number): void {
  it.machine.runAll();
  expect([seed, it.broken()]).toEqual([seed, []]);
  expect([seed, it.machine.shutdown()]).toEqual([seed, []]);
  it.machine.close();
}

const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);

describe('under random schedules', () => {
  it('a context that is closed under accesses and windows leaves nothing behind', () => {
    for (const seed of seeds) {
      const it = withPages(seed);
      for (let i = 0; i < 2; i++) it.spawn(`store ${i}`, it.access('store', AREA + i * PAGE, new Uint8Array(5000)));
      it.spawn('window', it.machine.syscalls.madvise(it.process, AREA, 3 * PAGE, 'dontneed'));
      it.spawn('close', it.device.close(it.process.handle));
      it.machine.runAll();
      expect([seed, it.reachable(), it.stat('contexts_loaded')]).toEqual([seed, [], 0]);
      finish(it, seed);
    }
  });

  it('contexts that come and go share one registration, and miss no end', () => {
    for (const seed of seeds) {
      const it = withPages(seed);
      const child = it.run(it.machine.syscalls.vfork(it.process));
      if (typeof child === 'string') throw new Error(child);
      const comeAndGo = function* (): Routine<void> {
        for (let i = 0; i < 3; i++) {
          yield* it.device.open(child.handle);
          yield* it.access('store', AREA + PAGE, Uint8Array.of(i), child);
          yield* it.device.close(child.handle);
        }
      };
      const windows = function* (): Routine<void> {
        for (let i = 0; i < 4; i++) yield* it.machine.syscalls.madvise(child, AREA, 2 * PAGE, 'dontneed');
      };
      it.spawn('come and go', comeAndGo(), child);
      it.spawn('windows', windows(), child);
      it.spawn('close', it.device.close(it.process.handle), child);
      it.machine.runAll();
      expect([seed, it.stat('gts_alloc') - it.stat('gts_free')]).toEqual([seed, 0]);
      it.run(it.machine.syscalls.exit(child), child);
      finish(it, seed);
    }
  });

  it('an exit under instructions that nobody waits for reaches no freed page', () => {
    for (const seed of seeds) {
      const it = withPages(seed);
      const child = it.run(it.machine.syscalls.fork(it.process));
      if (typeof child === 'string') throw new Error(child);
      it.open(child);
      const hex = `0x${AREA.toString(16)}`;
      it.run(it.actionOf(child, 'start', 'vset', hex, '16K', '11'), child);
      it.run(it.actionOf(child, 'start', 'bcopy', hex, `0x${(AREA + 2 * PAGE).toString(16)}`, '8K'), child);
      it.spawn('exit', it.machine.syscalls.exit(child), child);
      it.machine.runAll();
      it.run(it.device.close(child.handle));
      finish(it, seed);
    }
  });

  it('the OOM reaper is never refused', () => {
    for (const seed of seeds.slice(0, 20)) {
      const it = withPages(seed);
      const child = it.run(it.machine.syscalls.fork(it.process));
      if (typeof child === 'string') throw new Error(child);
      it.open(child);
      it.store(AREA, [5], child);
      expect(it.run(it.machine.oom(child))).toBe(true);
      finish(it, seed);
    }
  });
});
