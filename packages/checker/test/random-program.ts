/** Small programs at random: locks, rwlocks, trylocks, condition waits, RCU, interrupts, atomics, choices. */
import { ContractViolation, TaskWorld, randomSource } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Program } from '../src/program.ts';

export interface Shape {
  readonly tasks: number;
  /** Of each task. */
  readonly steps: number;
}

type Statement =
  | { op: 'lock' | 'trylock'; lock: number; body: Statement[] }
  | { op: 'read' | 'write'; lock: number; body: Statement[] }
  | { op: 'load'; cell: number }
  | { op: 'store'; cell: number; value: number }
  | { op: 'add'; cell: number }
  | { op: 'await'; queue: number }
  | { op: 'signal'; queue: number }
  | { op: 'rcu'; body: Statement[] }
  | { op: 'synchronize' }
  | { op: 'irq'; cpu: number; cell: number }
  | { op: 'off'; body: Statement[] }
  | { op: 'spawn'; body: Statement[] }
  | { op: 'sleep'; nanoseconds: number }
  | { op: 'choose'; cell: number };

export function randomStatements(seed: number, { tasks, steps }: Shape): Statement[][] {
  const random = randomSource(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const locky = random() < 0.6;
  const body = (depth: number, most: number, atomic: boolean): Statement[] =>
    Array.from({ length: 1 + below(most) }, () => statement(depth, atomic));
  const statement = (depth: number, atomic: boolean): Statement => {
    const simple = depth >= 2 || random() < (locky ? 0.3 : 0.65);
    if (simple) {
      const which = below(atomic ? 5 : 9);
      if (which < 2) return { op: 'load', cell: below(2) };
      if (which === 2) return { op: 'store', cell: below(2), value: 1 + below(2) };
      if (which === 3) return { op: 'add', cell: below(2) };
      if (which === 4) return random() < 0.5 ? { op: 'signal', queue: 0 } : { op: 'load', cell: below(2) };
      if (which === 5) return { op: 'await', queue: 0 };
      if (which === 6) return random() < 0.5 ? { op: 'synchronize' } : { op: 'sleep', nanoseconds: 1 + below(2) };
      if (which === 7) return { op: 'irq', cpu: below(2), cell: below(2) };
      return { op: 'choose', cell: below(2) };
    }
    const which = below(atomic ? 1 : 8);
    if (which < 3) return { op: 'lock', lock: below(2), body: body(depth + 1, 2, atomic) };
    if (which === 3) return { op: 'trylock', lock: below(2), body: body(depth + 1, 2, atomic) };
    if (which === 4) return { op: 'read', lock: 0, body: body(depth + 1, 2, atomic) };
    if (which === 5) return { op: 'write', lock: 0, body: body(depth + 1, 1, atomic) };
    if (which === 6)
      return random() < 0.5 ? { op: 'rcu', body: body(2, 2, true) } : { op: 'off', body: body(2, 1, true) };
    return random() < 0.2
      ? { op: 'spawn', body: body(2, 1, false) }
      : { op: 'lock', lock: below(2), body: body(depth + 1, 2, atomic) };
  };
  return Array.from({ length: tasks }, () => body(0, steps, false));
}

/** What ends in `outcome`: the cells, and what each task has loaded. */
export function programOf(statements: readonly Statement[][], name = 'random'): Program {
  return {
    name,
    run(strategy, { explore }) {
      const world = new TaskWorld(strategy, { cpus: 2, lockOrder: 'unchecked' });
      const { sync } = world;
      const locks = [0, 1].map((i) => sync.mutex(`lock ${i}`));
      const rw = sync.rwSemaphore('rw');
      const queue = sync.waitQueue('queue');
      const cells = [0, 1].map((i) => sync.atomic(`cell ${i}`));
      let signals = 0;
      const seen: string[] = [];
      const bodyOf = function* (body: readonly Statement[], log: string[]): Routine<void> {
        for (const statement of body) yield* one(statement, log);
      };
      const one = function* (s: Statement, log: string[]): Routine<void> {
        switch (s.op) {
          case 'lock':
            yield* locks[s.lock].acquire();
            yield* bodyOf(s.body, log);
            return locks[s.lock].release();
          case 'trylock':
            if (!locks[s.lock].tryAcquire()) return;
            yield* bodyOf(s.body, log);
            return locks[s.lock].release();
          case 'read':
            yield* rw.acquireRead();
            yield* bodyOf(s.body, log);
            return rw.releaseRead();
          case 'write':
            yield* rw.acquireWrite();
            yield* bodyOf(s.body, log);
            return rw.releaseWrite();
          case 'load':
            log.push(String(yield* cells[s.cell].load()));
            return;
          case 'store':
            return yield* cells[s.cell].store(s.value);
          case 'add':
            log.push(String(yield* cells[s.cell].add(1)));
            return;
          case 'await':
            yield* queue.waitUntil(() => signals > 0);
            signals--;
            return;
          case 'signal':
            yield* cells[0].load();
            signals++;
            return queue.wakeAll();
          case 'rcu': {
            const token = sync.rcu.readLock();
            yield* bodyOf(s.body, log);
            return sync.rcu.readUnlock(token);
          }
          case 'synchronize':
            return yield* sync.rcu.synchronize();
          case 'irq':
            return world.interrupts.raise('irq', s.cpu, function* () {
              yield* cells[s.cell].add(10);
            });
          case 'off':
            world.interrupts.save();
            yield* bodyOf(s.body, log);
            return world.interrupts.restore();
          case 'spawn':
            return void world.tasks.kernelThread('child', () => bodyOf(s.body, log));
          case 'sleep':
            return yield* world.tasks.sleep(s.nanoseconds);
          case 'choose':
            if (world.choose(2, 'coin') === 1) yield* cells[s.cell].store(7);
        }
      };
      try {
        statements.forEach((body, i) => {
          const log: string[] = [];
          world.spawn(
            `t${i}`,
            (function* () {
              yield* bodyOf(body, log);
              seen[i] = log.join(',');
            })(),
          );
        });
        explore(() => world.runAll());
      } catch (error) {
        if (!(error instanceof ContractViolation)) throw error;
        return { violation: error.violation, outcome: error.violation.oracle };
      }
      return { outcome: `${cells.map(({ value }) => value).join(' ')} | ${seen.join(' ; ')}` };
    },
  };
}
