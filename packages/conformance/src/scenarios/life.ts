/** Joining, leaving, exit, the OOM reaper, and a neighbour on the chain that sleeps. */
import { type Routine, definePlugin, isErrno } from '@mmu-notifier/plugin-api';
import type { Scenario } from '../scenario.ts';
import { AREA, BEFORE, DEVICE, PAGE, REFUSED, type Stage } from '../stage.ts';

const GROUP = 'joining and leaving';

function* closedDevice(stage: Stage): Routine<void> {
  yield* stage.attach();
  yield* stage.map();
}

const dontneed = ({ machine, process }: Stage): Routine<unknown> =>
  machine.syscalls.madvise(process, AREA, PAGE, 'dontneed');

export const life: readonly Scenario[] = [
  {
    name: 'registering in the middle of an invalidation',
    group: GROUP,
    opening: 'by itself',
    setUp: closedDevice,
    tasks: (stage) => [
      { name: 'device', routine: openAndLoad(stage), process: stage.process },
      { name: 'host', routine: dontneed(stage), what: 'MADV_DONTNEED', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('open', stage.noted('open'), 'done', REFUSED);
      if (stage.noted('open') !== 'done') return;
      stage.expect('the load', stage.noted('load'), BEFORE, 0, REFUSED);
      stage.expect('a load afterwards', yield* stage.load(0), 0);
    },
  },
  {
    name: 'registering while a signal is pending',
    group: GROUP,
    opening: 'by itself',
    setUp: closedDevice,
    tasks: (stage) => [
      { name: 'device', routine: openAndLoad(stage), process: stage.process },
      { name: 'signal', routine: signal(stage) },
    ],
    *afterwards(stage) {
      stage.expect('open', stage.noted('open'), 'done', REFUSED);
      if (stage.noted('open') !== 'done') stage.expect('open, tried again', (yield* stage.open()) ?? 'done', 'done');
      stage.expect('a load afterwards', yield* stage.load(0), BEFORE);
    },
  },
  {
    name: 'closing between the start and the end of a window',
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.close(), what: 'close' },
      { name: 'host', routine: dontneed(stage), what: 'MADV_DONTNEED', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('a load afterwards', yield* stage.load(0), REFUSED);
      stage.expect('open, again', (yield* stage.open()) ?? 'done', 'done');
      stage.expect('a load after that', yield* stage.load(0), 0);
    },
  },
  {
    name: 'closing under an access',
    group: GROUP,
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad() },
      { name: 'closer', routine: stage.close(), what: 'close' },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, REFUSED);
      stage.expect('a load afterwards', yield* stage.load(0), REFUSED);
    },
  },
  {
    name: 'closing and exit at once',
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
    },
    tasks: (stage) => [
      { name: 'closer', routine: stage.close(), what: 'close' },
      { name: 'host', routine: stage.machine.syscalls.exit(stage.process), what: 'exit', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('a load afterwards', yield* stage.load(0), REFUSED);
    },
  },
  {
    name: 'detaching under an access and a window',
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad() },
      { name: 'detach', routine: stage.machine.detach(DEVICE), what: 'detach' },
      { name: 'host', routine: dontneed(stage), what: 'MADV_DONTNEED', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, 0, REFUSED);
    },
  },
  {
    name: 'the OOM reaper beside a fault',
    group: 'callbacks that may not block',
    *setUp(stage) {
      yield* stage.load(1);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad() },
      { name: 'oom', routine: stage.machine.oom(stage.process), what: 'the OOM killer takes the process' },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, REFUSED);
    },
  },
  {
    name: 'a neighbour on the chain that sleeps in its start',
    group: 'a fault meets windows',
    *setUp(stage) {
      const sleeper = yield* stage.machine.attach('sleeper', sleepingNeighbour());
      yield* sleeper.open(stage.process.handle);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad() },
      { name: 'host', routine: dontneed(stage), what: 'MADV_DONTNEED', process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, 0, REFUSED);
      stage.expect('a load afterwards', yield* stage.load(0), 0);
    },
  },
];

function* openAndLoad(stage: Stage): Routine<void> {
  const opened = stage.note('open', (yield* stage.open()) ?? 'done');
  if (opened === 'done') stage.note('load', yield* stage.load(0));
}

function* signal({ machine, process }: Stage): Routine<void> {
  machine.syscalls.signal(process);
}

/** It holds nothing, and takes its time. */
function sleepingNeighbour(): ReturnType<typeof definePlugin> {
  return definePlugin({
    name: 'sleeper',
    api: '^1.0.0',
    traits: {
      kind: 'sptes',
      registration: 'mm',
      callbacks: { invalidateRangeStart: 'sleepable' },
      nonBlockable: 'proceeds',
      pins: 'none',
      invalidateAt: 'start',
      faultMode: 'as-asked',
      dirty: 'at-map',
      pageSizes: [4096],
      addressSpaces: 'several',
    },
    *attach(host) {
      const opened: { unregister: () => Routine<void> }[] = [];
      return {
        *open({ mm }) {
          if (mm === undefined) return 'ESRCH';
          const subscription = yield* host.notifiers.register(mm, {
            *invalidateRangeStart({ blockable }) {
              if (blockable) yield* host.tasks.sleep(1);
              return 'done';
            },
          });
          if (isErrno(subscription)) return subscription;
          opened.push({ unregister: () => host.notifiers.unregister(subscription) });
          return undefined;
        },
        *access() {
          return 'EFAULT';
        },
        *close() {},
        *detach() {
          for (const { unregister } of opened.splice(0)) yield* unregister();
        },
        *translations() {},
      };
    },
  });
}
