/** What the device wrote survives reclaim, and what only the device uses stays. */
import type { Scenario } from '../scenario.ts';
import { AREA, BEFORE, PAGE, PAGES } from '../stage.ts';

const WROTE = 0xbb;

export const data: readonly Scenario[] = [
  {
    name: 'a page that the device wrote goes to swap and comes back',
    group: 'data and age',
    *setUp(stage) {
      yield* stage.store(0, WROTE);
    },
    tasks: (stage) => [
      { name: 'host', routine: stage.machine.reclaim(PAGES), what: 'reclaim' },
      { name: 'device', routine: stage.noteLoad(1) },
    ],
    *afterwards(stage) {
      stage.expect('the process', yield* stage.cpuLoad(0), WROTE);
      stage.expect('a load afterwards', yield* stage.load(0), WROTE);
    },
  },
  {
    name: 'a page that came from swap, and that only the device writes, goes there again',
    group: 'data and age',
    *setUp(stage) {
      yield* stage.machine.reclaim(PAGES);
      stage.expect('the process', yield* stage.cpuLoad(0), BEFORE);
      stage.expect('a store', yield* stage.store(0, WROTE), 'done', 'ENOMEM');
    },
    tasks: (stage) => [
      { name: 'host', routine: stage.machine.reclaim(PAGES), what: 'reclaim' },
      { name: 'device', routine: stage.noteStore(WROTE) },
    ],
    *afterwards(stage) {
      if (stage.noted('store') === 'done') stage.expect('the process', yield* stage.cpuLoad(0), WROTE);
    },
  },
  {
    name: 'a page of a file that the device wrote is written back and read again',
    group: 'data and age',
    opening: 'by itself',
    *setUp(stage) {
      yield* stage.attach();
      yield* stage.map('file');
      stage.expect('open', (yield* stage.open()) ?? 'done', 'done');
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteStore(WROTE) },
      { name: 'host', routine: stage.machine.files.sync('file'), what: 'fsync' },
    ],
    *afterwards(stage) {
      const { machine, process } = stage;
      yield* machine.reclaim(PAGES);
      yield* machine.syscalls.madvise(process, AREA, PAGES * PAGE, 'dontneed');
      const wanted = stage.noted('store') === 'done' ? WROTE : BEFORE;
      stage.expect('the process', yield* stage.cpuLoad(0), wanted);
      stage.expect('a load afterwards', yield* stage.load(0), wanted);
    },
  },
  {
    name: 'what only the device uses stays, and what nobody uses goes',
    group: 'data and age',
    skip: ({ callbacks }) =>
      callbacks.clearFlushYoung === undefined && callbacks.clearYoung === undefined
        ? 'it answers no question of age'
        : undefined,
    *setUp(stage) {
      for (let page = 0; page < PAGES; page++) yield* stage.load(page);
      yield* stage.machine.reclaim(1);
      for (const page of [2, 3]) yield* stage.load(page);
    },
    tasks: (stage) => [{ name: 'host', routine: stage.machine.reclaim(1) }],
    *afterwards(stage) {
      const { machine, process } = stage;
      const resident = yield* machine.syscalls.mincore(process, AREA, PAGES * PAGE);
      const there = typeof resident === 'string' ? resident : [...resident].join('');
      stage.expect('pages that are in memory', there, '0011');
    },
  },
];
