/**
 * Programs by which checkers of this kind are compared, with the number of traces that papers and other tools give:
 * nidhugg's `tests/smoke/reference.results.txt`, GenMC's `expected.sc.mo.in`, Flanagan and Godefroid 2005.
 */
import { ContractViolation, TaskWorld } from '@mmu-notifier/core';
import type { Atomic, Mutex, Routine } from '@mmu-notifier/plugin-api';
import type { Program } from '../src/program.ts';

export interface Classic {
  readonly program: Program;
  readonly traces: number;
}

interface Objects {
  readonly cells: readonly Atomic[];
  readonly locks: readonly Mutex[];
}

type Body = (objects: Objects) => Routine<void>;

function classic(name: string, traces: number, cells: number, locks: number, bodies: readonly Body[]): Classic {
  const run: Program['run'] = (strategy, { explore }) => {
    const world = new TaskWorld(strategy, { lockOrder: 'unchecked' });
    const objects = {
      cells: Array.from({ length: cells }, (_, i) => world.sync.atomic(`cell ${i}`)),
      locks: Array.from({ length: locks }, (_, i) => world.sync.mutex(`lock ${i}`)),
    };
    bodies.forEach((body, i) => world.spawn(`t${i}`, body(objects)));
    try {
      explore(() => world.runAll());
    } catch (error) {
      if (!(error instanceof ContractViolation)) throw error;
      return { outcome: error.violation.oracle, violation: error.violation };
    }
    return { outcome: objects.cells.map(({ value }) => value).join(' ') };
  };
  return { program: { name, run }, traces };
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

export function readers(n: number): Classic {
  const write: Body = function* ({ cells }) {
    yield* cells[0].store(42);
  };
  const read: Body = function* ({ cells }) {
    yield* cells[0].load();
  };
  return classic(`readers(${n})`, 2 ** n, 1, 0, [write, ...times(n, () => read)]);
}

export function lastZero(n: number): Classic {
  const search: Body = function* ({ cells }) {
    for (let i = n; (yield* cells[i].load()) !== 0;) i--;
  };
  const count = (j: number): Body =>
    function* ({ cells }) {
      const value = yield* cells[j].load();
      yield* cells[j + 1].store(value + 1);
    };
  return classic(`lastzero(${n})`, (n + 3) * 2 ** (n - 2), n + 1, 0, [search, ...times(n, count)]);
}

export function philosophers(n: number): Classic {
  const eat = (i: number): Body =>
    function* ({ locks }) {
      yield* locks[i].acquire();
      yield* locks[(i + 1) % n].acquire();
      locks[(i + 1) % n].release();
      locks[i].release();
    };
  return classic(`philosophers(${n})`, 2 ** n - 1, 0, n, times(n, eat));
}

export function fileSystem(n: number): Classic {
  const [inodes, blocks] = [32, 26];
  const create = (task: number): Body =>
    function* ({ cells, locks }) {
      const inode = task % inodes;
      yield* locks[inode].acquire();
      if ((yield* cells[inode].load()) === 0) {
        for (let block = (inode * 2) % blocks; ; block = (block + 1) % blocks) {
          const at = inodes + block;
          yield* locks[at].acquire();
          const busy = yield* cells[at].load();
          if (busy === 0) {
            yield* cells[at].store(1);
            yield* cells[inode].store(block + 1);
          }
          locks[at].release();
          if (busy === 0) break;
        }
      }
      locks[inode].release();
    };
  return classic(`filesystem(${n})`, n <= 13 ? 1 : 2 ** (n - 13), inodes + blocks, inodes + blocks, times(n, create));
}

export function indexer(n: number): Classic {
  const [size, most] = [128, 4];
  const insert = (task: number): Body =>
    function* ({ cells, locks }) {
      for (let m = 1; m <= most; m++) {
        const word = m * 11 + task;
        for (let slot = (word * 7) % size; ; slot = (slot + 1) % size) {
          yield* locks[slot].acquire();
          const free = (yield* cells[slot].load()) === 0;
          if (free) yield* cells[slot].store(word);
          locks[slot].release();
          if (free) break;
        }
      }
    };
  return classic(`indexer(${n})`, n <= 11 ? 1 : 8 ** (n - 11), size, size, times(n, insert));
}
