/** Write protection, copy-on-write, refault: the example with which notifiers began. */
import type { Process } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import type { Scenario } from '../scenario.ts';
import { BEFORE, REFUSED, type Stage } from '../stage.ts';

const GROUP = 'write protection and copies';
const DEVICE_WROTE = 0xbb;
const PARENT_WROTE = 0xcc;
const CHILD_WROTE = 0xdd;

function childOf({ machine }: Stage): Process {
  const child = machine.processes.get('p2');
  if (child === undefined) throw new Error('fork made no child');
  return child;
}

export const fork: readonly Scenario[] = [
  ...(['load', 'store'] as const).map((warm): Scenario => ({
    name: `fork under a store, the page mapped for a ${warm} before`,
    group: GROUP,
    *setUp(stage) {
      yield* warm === 'load' ? stage.load(0) : stage.store(0, BEFORE);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteStore(DEVICE_WROTE) },
      { name: 'host', routine: stage.machine.syscalls.fork(stage.process), what: 'fork', process: stage.process },
    ],
    *afterwards(stage) {
      const stored = stage.noted('store') === 'done';
      stage.expect('the parent', yield* stage.cpuLoad(0), stored ? DEVICE_WROTE : BEFORE);
      const child = stage.machine.processes.get('p2');
      if (child === undefined) return;
      stage.expect('the child', yield* stage.cpuLoad(0, child), BEFORE, stored ? DEVICE_WROTE : BEFORE);
      const before = yield* stage.cpuLoad(0, child);
      stage.expect('a store afterwards', yield* stage.store(0, PARENT_WROTE), 'done');
      stage.expect('the parent afterwards', yield* stage.cpuLoad(0), PARENT_WROTE);
      stage.expect('the child afterwards', yield* stage.cpuLoad(0, child), before);
    },
  })),
  {
    name: "a fault of the device's own breaks copy-on-write, beside a store of the child",
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
      yield* stage.machine.syscalls.fork(stage.process);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteStore(DEVICE_WROTE) },
      { name: 'child', routine: stage.cpuStore(0, CHILD_WROTE, childOf(stage)), process: childOf(stage) },
    ],
    *afterwards(stage) {
      const stored = stage.noted('store') === 'done';
      stage.expect('the parent', yield* stage.cpuLoad(0), stored ? DEVICE_WROTE : BEFORE);
      stage.expect('the child', yield* stage.cpuLoad(0, childOf(stage)), CHILD_WROTE);
      stage.expect('a load afterwards', yield* stage.load(0), stored ? DEVICE_WROTE : BEFORE);
    },
  },
  {
    name: 'a store of the process gives it a page of its own, under a load',
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
      yield* stage.machine.syscalls.fork(stage.process);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteLoad() },
      {
        name: 'host',
        routine: stage.cpuStore(0, PARENT_WROTE),
        what: 'a store of the process',
        process: stage.process,
      },
    ],
    *afterwards(stage) {
      stage.expect('the load', stage.noted('load'), BEFORE, PARENT_WROTE, REFUSED);
      stage.expect('a load afterwards', yield* stage.load(0), PARENT_WROTE);
      stage.expect('the child', yield* stage.cpuLoad(0, childOf(stage)), BEFORE);
    },
  },
  {
    name: 'read first, written later: the upgrade of a translation beside a load of the process',
    group: GROUP,
    *setUp(stage) {
      yield* stage.load(0);
    },
    tasks: (stage) => [
      { name: 'device', routine: stage.noteStore(DEVICE_WROTE) },
      { name: 'host', routine: noteCpuLoad(stage), process: stage.process },
    ],
    *afterwards(stage) {
      stage.expect('the process', stage.noted('cpu'), BEFORE, DEVICE_WROTE);
      if (stage.noted('store') === 'done')
        stage.expect('the process afterwards', yield* stage.cpuLoad(0), DEVICE_WROTE);
    },
  },
];

function* noteCpuLoad(stage: Stage): Routine<void> {
  stage.note('cpu', yield* stage.cpuLoad(0));
}
