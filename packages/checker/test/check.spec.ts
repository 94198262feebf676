/** Verdicts, and the counterexamples that come with them. */
import { ContractViolation, type Strategy, TaskWorld } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import { type CheckOptions, type CheckResult, check, replaySchedule } from '../src/check.ts';
import type { Program } from '../src/program.ts';
import { Diverged } from '../src/replay.ts';

/** Tasks of a world, and what can be seen at its end. */
function programOf(
  build: (world: TaskWorld) => { tasks: Record<string, Routine<void>>; outcome?: () => string },
  extra: Partial<Program> = {},
): Program {
  return {
    name: 'test',
    run(strategy: Strategy, { explore }) {
      const world = new TaskWorld(strategy, { lockOrder: 'unchecked' });
      const { tasks, outcome = (): string => '' } = build(world);
      for (const [name, routine] of Object.entries(tasks)) world.spawn(name, routine);
      try {
        explore(() => world.runAll());
      } catch (error) {
        if (!(error instanceof ContractViolation)) throw error;
        return { outcome: error.violation.oracle, violation: error.violation };
      }
      return { outcome: outcome() };
    },
    ...extra,
  };
}

/** Two tasks that add to a counter: under a lock or not. */
function counting(guard: 'locked' | 'bare', adds = 1): Program {
  return programOf((world) => {
    const lock = world.sync.mutex('counter lock');
    const cell = world.sync.atomic('counter');
    const add = function* (): Routine<void> {
      for (let i = 0; i < adds; i++) {
        if (guard === 'locked') yield* lock.acquire();
        const seen = yield* cell.load();
        yield* cell.store(seen + 1);
        if (guard === 'locked') lock.release();
      }
    };
    const wait = function* (): Routine<void> {
      yield* add();
      if (--left === 0 && cell.value !== 2 * adds) world.fail('lost-update', `the counter is ${cell.value}`);
    };
    let left = 2;
    return { tasks: { a: wait(), b: wait() }, outcome: () => String(cell.value) };
  });
}

function verdictOf(program: Program, options?: CheckOptions): CheckResult {
  const search = check(program, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

describe('a check', () => {
  it('holds where every interleaving ends well', () => {
    const { verdict, runs, givenUp, outcomes } = verdictOf(counting('locked'));
    expect({ verdict, runs, givenUp, outcomes }).toEqual({
      verdict: 'held',
      runs: 2,
      givenUp: 0,
      outcomes: { '2': 2 },
    });
  });

  it('finds a lost update, with the fewest preemptions that there can be, and proves it', () => {
    const { verdict, finding } = verdictOf(counting('bare', 2));
    expect({ verdict, oracle: finding?.violation.oracle }).toEqual({ verdict: 'violated', oracle: 'lost-update' });
    expect({ preemptions: finding?.preemptions, fewest: finding?.fewest }).toEqual({
      preemptions: 1,
      fewest: 'proved',
    });
    expect(finding?.schedule.blocks.length).toBe(3);
    expect(finding?.trace.map(({ task }) => task)).toEqual(
      finding?.schedule.blocks.flatMap(([task, steps]) => new Array<string>(steps).fill(task === 0 ? 'a' : 'b')),
    );
  });

  it('says of a deadlock who waits for what and who holds it', () => {
    const program = programOf((world) => {
      const [one, two] = [world.sync.mutex('one'), world.sync.mutex('two')];
      const take = function* (first: typeof one, second: typeof one): Routine<void> {
        yield* first.acquire();
        yield* second.acquire();
        second.release();
        first.release();
      };
      return { tasks: { a: take(one, two), b: take(two, one) } };
    });
    const { verdict, finding } = verdictOf(program);
    expect(verdict).toBe('deadlock');
    expect(finding?.violation.message).toBe('a waits for two, holds one; b waits for one, holds two');
    expect(finding?.preemptions).toBe(1);
  });

  it('calls a run that does not end a livelock', () => {
    const program = programOf((world) => {
      const flag = world.sync.atomic('flag');
      const spin = function* (): Routine<void> {
        while ((yield* flag.load()) === 0);
      };
      return { tasks: { spins: spin() } };
    });
    const { verdict, finding } = verdictOf(program, { maxSteps: 50 });
    expect({ verdict, steps: finding?.trace.length }).toEqual({ verdict: 'livelock', steps: 50 });
  });

  it('detects code that does not do the same under the same schedule', () => {
    let runs = 0;
    const program = programOf((world) => {
      const cells = [world.sync.atomic('x'), world.sync.atomic('y')];
      const other = cells[runs++ % 2 === 0 ? 0 : 1];
      const use = function* (): Routine<void> {
        yield* other?.store(1) ?? [];
        yield* cells[0]?.store(1) ?? [];
      };
      return { tasks: { a: use(), b: use() } };
    });
    const { verdict, reason } = verdictOf(program);
    expect(verdict).toBe('nondeterministic');
    expect(reason).toMatch(/^the same \d+ steps led to another one$/);
  });

  it('misses what some interleaving must show only when all have been tried', () => {
    const program: Program = { ...counting('locked'), exists: ['the counter is 3'] };
    expect(verdictOf(program)).toMatchObject({ verdict: 'violated', reason: 'the counter is 3' });
    expect(verdictOf(program, { maxRuns: 1 })).toMatchObject({ verdict: 'held up to', bound: '1 runs' });
  });

  it('never shows as complete what is not', () => {
    const failing = programOf((world) => {
      const fail = function* (): Routine<void> {
        if (world.choose(2, 'memory') === 1) world.fail('no-memory', 'nothing left');
      };
      return { tasks: { a: fail() } };
    });
    expect(verdictOf(failing, { failures: 0 })).toMatchObject({ verdict: 'held up to', bound: '0 failures' });
    expect(verdictOf(failing)).toMatchObject({ verdict: 'violated' });
    expect(verdictOf(counting('locked'), { failures: 0 })).toMatchObject({ verdict: 'held' });
    expect(verdictOf(counting('locked'), { search: 'bounded' })).toMatchObject({ bound: '2 preemptions' });
    expect(verdictOf(counting('locked'), { search: 'pct', maxRuns: 7 })).toMatchObject({ bound: '7 pct runs' });
  });

  it.each(['all', 'bounded', 'random', 'pct', 'pos'] as const)('finds the lost update by %s too', (search) => {
    const { verdict, finding } = verdictOf(counting('bare'), { search });
    expect({ verdict, preemptions: finding?.preemptions }).toEqual({ verdict: 'violated', preemptions: 1 });
  });
});

describe('a schedule', () => {
  const found = verdictOf(counting('bare')).finding;
  if (found === undefined) throw new Error('expected a finding');

  it('shows the same again', () => {
    expect(replaySchedule(counting('bare'), found.schedule)).toEqual({ ...found, fewest: 'found' });
  });

  it('is refused by another program, or by what the program has become', () => {
    expect(() => replaySchedule(counting('locked'), found.schedule)).toThrow(Diverged);
    expect(() => replaySchedule(counting('bare', 2), found.schedule)).toThrow(Diverged);
  });
});
