/** The audit: state that tasks share without saying so is found, and what is declared is not complained of. */
import { type Strategy, TaskWorld } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import { type AuditResult, audit } from '../src/audit.ts';
import type { Program } from '../src/program.ts';

type Sharing = 'unsaid' | 'declared' | 'locked' | 'each its own';

/** Two tasks write a cell and act on what they find there. */
function sharing(how: Sharing): Program {
  return {
    name: 'test',
    run(strategy: Strategy, { explore }) {
      const world = new TaskWorld(strategy);
      const cells = [0, 0];
      const state = world.sync.sharedState('cell');
      const lock = world.sync.spinLock('cell lock');
      const done = world.sync.atomic('done');
      const task = function* (own: number): Routine<void> {
        const cell = how === 'each its own' ? own : 0;
        yield* world.sync.preempt('write', 'declared');
        if (how === 'locked') yield* lock.acquire();
        if (how === 'declared') state.changes();
        cells[cell] = own + 1;
        if (how === 'locked') lock.release();
        yield* world.sync.preempt('read', 'declared');
        if (how === 'locked') yield* lock.acquire();
        if (how === 'declared') state.reads();
        const seen = cells[cell];
        if (how === 'locked') lock.release();
        if (seen === own + 1) yield* done.add(1);
      };
      world.spawn('a', task(0));
      world.spawn('b', task(1));
      explore(() => world.runAll());
      return { outcome: '' };
    },
  };
}

function audited(program: Program): AuditResult {
  const search = audit(program);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

it.each<Sharing>(['declared', 'locked', 'each its own'])('finds nothing where the cell is %s', (how) => {
  const { undeclared, swaps } = audited(sharing(how));
  expect(undeclared).toEqual([]);
  expect(swaps).toBeGreaterThan(0);
});

it('finds a cell that two tasks share and nobody declares', () => {
  const { undeclared } = audited(sharing('unsaid'));
  expect(undeclared.length).toBeGreaterThan(0);
  expect(new Set(undeclared.flatMap(({ first, second }) => [first.task, second.task]))).toEqual(new Set(['a', 'b']));
});

it('is the same for the same seed', () => {
  expect(audited(sharing('unsaid'))).toEqual(audited(sharing('unsaid')));
});
