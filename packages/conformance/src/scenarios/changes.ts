/** An access of the device meets a change of what it reaches: each change, beside a load and beside a store, warm and cold. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Scenario } from '../scenario.ts';
import { AREA, BEFORE, type Backing, PAGE, PAGES, REFUSED, type Seen, type Stage } from '../stage.ts';

const STORED = 0xbb;

interface Change {
  readonly name: string;
  readonly backing?: Backing;
  readonly make: (stage: Stage) => Routine<unknown>;
  /** What the device may find of the page when the change is over. `stored`: whether its store went through, in some order. */
  readonly left: (stored: boolean) => readonly (Seen | typeof REFUSED)[];
  /** What a store of the device may find then. */
  readonly store?: readonly (Seen | typeof REFUSED)[];
}

const zeros = (stored: boolean): readonly Seen[] => (stored ? [0, STORED] : [0]);
const kept = (stored: boolean): readonly Seen[] => [stored ? STORED : BEFORE];
const gone = (): readonly (typeof REFUSED)[] => [REFUSED];

const CHANGES: readonly Change[] = [
  { name: 'munmap', make: ({ machine, process }) => machine.syscalls.munmap(process, AREA, PAGE), left: gone },
  {
    name: 'MADV_DONTNEED',
    make: ({ machine, process }) => machine.syscalls.madvise(process, AREA, PAGE, 'dontneed'),
    left: zeros,
  },
  {
    name: 'mremap',
    make: ({ machine, process }) =>
      machine.syscalls.mremap(process, AREA, PAGE, PAGE, ['maymove', 'fixed'], AREA + 16 * PAGE),
    left: gone,
  },
  {
    name: 'mprotect to read-only',
    make: ({ machine, process }) => machine.syscalls.mprotect(process, AREA, PAGE, 'r'),
    left: kept,
    store: [REFUSED],
  },
  {
    name: 'mprotect to nothing',
    make: ({ machine, process }) => machine.syscalls.mprotect(process, AREA, PAGE, '-'),
    left: gone,
  },
  {
    name: 'truncation of the file',
    backing: 'file',
    make: ({ machine }) => machine.files.truncate('file', 0),
    left: gone,
  },
  {
    name: 'a hole in shared memory',
    backing: 'shmem',
    make: ({ machine, process }) => machine.syscalls.madvise(process, AREA, PAGE, 'remove'),
    left: zeros,
  },
  { name: 'reclaim', make: ({ machine }) => machine.reclaim(PAGES), left: kept },
  { name: 'reclaim of a file', backing: 'file', make: ({ machine }) => machine.reclaim(PAGES), left: kept },
  { name: 'exec', make: ({ machine, process }) => machine.syscalls.exec(process), left: gone, store: [REFUSED] },
  { name: 'exit', make: ({ machine, process }) => machine.syscalls.exit(process), left: gone, store: [REFUSED] },
];

export const changes: readonly Scenario[] = CHANGES.flatMap((change) =>
  (['load', 'store'] as const).flatMap((kind) =>
    (['present', 'absent'] as const).map((translation) => scenarioOf(change, kind, translation)),
  ),
);

function scenarioOf(change: Change, kind: 'load' | 'store', translation: 'present' | 'absent'): Scenario {
  const { backing = 'anonymous', make, left, store } = change;
  return {
    name: `${change.name} under a ${kind}, its translation ${translation}`,
    group: 'an access meets a change of its page',
    opening: 'by itself',
    *setUp(stage) {
      yield* stage.attach();
      yield* stage.map(backing);
      stage.expect('open', (yield* stage.open()) ?? 'done', 'done');
      if (translation === 'present') stage.expect('the first load', yield* stage.load(0), BEFORE, 'ENOMEM');
    },
    tasks: (stage) => [
      { name: 'device', routine: kind === 'load' ? stage.noteLoad() : stage.noteStore(STORED) },
      { name: 'host', routine: make(stage), what: change.name, process: stage.process },
    ],
    *afterwards(stage) {
      const stored = stage.noted('store') === 'done';
      const before = [BEFORE, ...left(false)];
      stage.expect('the load', stage.noted('load'), ...before, REFUSED);
      stage.expect('a load afterwards', stage.note('after', yield* stage.load(0)), ...left(stored));
      if (store !== undefined) stage.expect('a store afterwards', yield* stage.store(0, 1), ...store);
    },
  };
}
