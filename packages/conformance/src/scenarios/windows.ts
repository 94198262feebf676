/** The retry protocol: windows that overlap, windows of others, faults that meet. */
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Scenario } from '../scenario.ts';
import { AREA, BEFORE, PAGE, REFUSED, type Stage } from '../stage.ts';

const GROUP = 'a fault meets windows';

const dontneed = ({ machine, process }: Stage, page: number, pages = 1): Routine<unknown> =>
  machine.syscalls.madvise(process, AREA + page * PAGE, pages * PAGE, 'dontneed');

export const windows: readonly Scenario[] = [
  {
    name: 'two windows that overlap in time',
    group: GROUP,
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad(0) },
      { name: 'host', routine: dontneed(stage, 0), what: 'MADV_DONTNEED of page 0', process: stage.process },
      { name: 'other', routine: dontneed(stage, 1), what: 'MADV_DONTNEED of page 1', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, 0, REFUSED);
      for (const page of [0, 1]) stage.expect('a load afterwards', yield* stage.load(page), 0);
    },
  },
  {
    name: 'one window over several pages, of which the device has some',
    group: GROUP,
    *setUp(stage) {
      for (const page of [0, 2]) stage.expect('a load', yield* stage.load(page), BEFORE);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad(1) },
      { name: 'host', routine: dontneed(stage, 0, 3), what: 'MADV_DONTNEED of pages 0 to 2', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, 0, REFUSED);
      for (const page of [0, 1, 2]) stage.expect('a load afterwards', yield* stage.load(page), 0);
      stage.expect('a load behind the window', yield* stage.load(3), BEFORE);
    },
  },
  {
    name: 'an access into a page that is not there any more',
    group: GROUP,
    tasks: (stage) => [
      { name: 'device', routine: noteAcross(stage) },
      {
        name: 'host',
        routine: stage.machine.syscalls.munmap(stage.process, AREA + PAGE, PAGE),
        process: stage.process,
      },
    ],
    *afterwards(stage) {
      stage.expect('the access', stage.noted('across'), 'done', REFUSED);
      stage.expect('an access across the border afterwards', yield* stage.loadAcross(0), REFUSED);
      stage.expect('a load before the border', yield* stage.load(0), BEFORE);
    },
  },
  {
    name: 'two faults on one page, and a window',
    group: GROUP,
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad(0) },
      { name: 'second', routine: stage.noteStore(0xbb) },
      { name: 'host', routine: dontneed(stage, 0), what: 'MADV_DONTNEED of page 0', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, 0xbb, 0, REFUSED);
      const left = stage.noted('store') === 'done' ? [0, 0xbb] : [0];
      stage.expect('a load afterwards', yield* stage.load(0), ...left);
    },
  },
  {
    name: 'a window of another address space',
    group: GROUP,
    skip: ({ addressSpaces }) => (addressSpaces === 'one' ? 'it serves one address space' : undefined),
    *setUp({ machine, process }) {
      yield* machine.syscalls.fork(process);
    },
    tasks: (stage) => {
      const child = stage.machine.processes.get('p2');
      if (child === undefined) throw new Error('fork made no child');
      return [
        { name: 'device', routine: stage.noteLoad(0) },
        { name: 'host', routine: stage.machine.syscalls.madvise(child, AREA, PAGE, 'dontneed'), process: child },
      ];
    },
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, REFUSED);
      stage.expect('a load afterwards', yield* stage.load(0), BEFORE);
    },
  },
];

function* noteAcross(stage: Stage): Routine<void> {
  stage.note('across', yield* stage.loadAcross(0));
}
