/** What a tracer is told, and that telling it changes nothing. */
import { deviceLoad, deviceStore } from '../../test/device.ts';
import {
  AREA,
  PAGE,
  expectClean,
  fill,
  firstBytes,
  fork,
  load,
  machineOf,
  map,
  p1,
  run,
  store,
} from '../../test/machine.ts';
import { mirror } from '../../test/mirror.ts';
import { attachTo } from '../../test/spy.ts';
import type { MachineTracer } from './tracer.ts';

const at = (page: number): number => AREA + page * PAGE;

/** Writes down what it is told, and holds every end against its begin, task by task. */
class Witness implements MachineTracer {
  readonly log: string[] = [];
  readonly counts: Record<string, number> = {};
  private readonly open = new Map<number, string[]>();
  private task = -1;

  taskRuns = ({ id }: { id: number }): void => void (this.task = id);
  faultBegan = (_: number, address: number, access: string): void => this.begin('fault', `${access} ${address}`);
  faultIs = (kind: string): void => this.say('kind', kind);
  faultEnded = (result: string): void => this.end('fault', result);
  windowOpened = (_: number, start: number, end: number, event: string): void =>
    this.begin(`window ${start}-${end} ${event}`, event);
  windowClosed = (_: number, start: number, end: number, event: string): void =>
    this.end(`window ${start}-${end} ${event}`, event);
  invalidationBegan = (device: string): void => this.begin(`invalidation ${device}`, device);
  invalidationEnded = (device: string): void => this.end(`invalidation ${device}`, device);
  aged = (): void => this.say('aged', '');
  deviceFaultBegan = (device: string): void => this.begin(`device fault ${device}`, device);
  deviceFaultEnded = (device: string, result: string): void => this.end(`device fault ${device}`, result);
  reclaimBegan = (): void => this.begin('reclaim', '');
  reclaimEnded = (freed: number): void => this.end('reclaim', String(freed));
  swappedOut = (): void => this.say('swappedOut', '');
  swappedIn = (): void => this.say('swappedIn', '');
  tlbShootdown = (): void => this.say('tlbShootdown', '');
  waitBegan = (queue: string): void => this.begin(`wait ${queue}`, queue);
  waitEnded = (queue: string): void => this.end(`wait ${queue}`, queue);
  lockAcquired = (): void => this.say('lock', '');
  lockReleased = (): void => this.say('unlock', '');

  expectBalance(): void {
    expect([...this.open.values()].flat()).toEqual([]);
    expect(this.counts['lock']).toBe(this.counts['unlock']);
  }

  private begin(what: string, words: string): void {
    let stack = this.open.get(this.task);
    if (stack === undefined) this.open.set(this.task, (stack = []));
    stack.push(what);
    this.say(`${what.split(' ')[0]} began`, words);
  }

  private end(what: string, words: string): void {
    expect(this.open.get(this.task)?.pop()).toBe(what);
    this.say(`${what.split(' ')[0]} ended`, words);
  }

  private say(what: string, words: string): void {
    this.log.push(`${what} ${words}`.trimEnd());
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

/** A device, memory pressure, a fork and copies. */
function pressure(tracer?: MachineTracer) {
  const machine = machineOf({ frames: 64, swapPages: 256, ...(tracer === undefined ? {} : { tracer }) });
  map(machine, 96, { at: at(0) });
  const device = attachTo(machine, mirror());
  fill(machine, at(0), 96, 1);
  for (let page = 0; page < 96; page += 3) deviceLoad(machine, device, at(page));
  const child = fork(machine);
  for (let page = 0; page < 8; page++) store(machine, at(page), 7, child);
  deviceStore(machine, device, at(1), 9);
  run(machine, machine.syscalls.munmap(p1(machine), at(32), 32 * PAGE));
  const seen = firstBytes(machine, at(64), 32);
  return { machine, seen };
}

describe('a tracer', () => {
  it('is told every step of a fault, in order', () => {
    const witness = new Witness();
    const machine = machineOf({ tracer: witness });
    map(machine, 1, { at: AREA });
    witness.log.length = 0;
    load(machine, AREA);
    store(machine, AREA, 1);
    load(machine, AREA + PAGE);
    const told = witness.log.filter((line) => !line.includes('lock'));
    expect(told).toEqual([
      `fault began load ${AREA}`,
      'kind zeroPage',
      'fault ended done',
      `fault began store ${AREA}`,
      'kind copyOnWrite',
      'tlbShootdown',
      'fault ended done',
      `fault began load ${AREA + PAGE}`,
      'fault ended SIGSEGV',
    ]);
    expectClean(machine);
  });

  it('is told what the counters count', () => {
    const witness = new Witness();
    const { machine } = pressure(witness);
    const { swap, notifier, notifierEvents, tlb, faults } = machine.stats();
    const { counts } = witness;
    expect(counts['swappedOut']).toBe(swap['pagesOut']);
    expect(counts['swappedIn']).toBe(swap['pagesIn']);
    expect(counts['invalidation began']).toBe(notifier['starts']);
    expect(counts['window began']).toBe(Object.values(notifierEvents).reduce((sum, n) => sum + n, 0));
    expect(counts['tlbShootdown']).toBe(tlb['shootdowns']);
    expect(counts['reclaim began']).toBeGreaterThan(0);
    expect(counts['device began']).toBeGreaterThan(0);
    expect(witness.log.filter((line) => line === 'kind swapIn')).toHaveLength(faults['swapIn']);
    expectClean(machine);
    witness.expectBalance();
  });

  it('changes nothing', () => {
    const [plain, traced] = [pressure(), pressure(new Witness())];
    expect(traced.seen).toEqual(plain.seen);
    expect(traced.machine.stats()).toEqual(plain.machine.stats());
    expectClean(plain.machine);
    expectClean(traced.machine);
  });

  it('may leave out whatever it does not want to hear', () => {
    const { machine } = pressure({});
    expectClean(machine);
  });

  it.each([1, 2, 3])('hears begins and ends that nest in each task, also where tasks interleave (seed %i)', (seed) => {
    const witness = new Witness();
    const machine = machineOf({ frames: 128, seed, tracer: witness });
    map(machine, 8, { at: at(0) });
    attachTo(machine, mirror());
    const [one, into] = [Uint8Array.of(1), new Uint8Array(1)];
    for (let page = 0; page < 8; page++) {
      machine.spawn('writer', machine.store(p1(machine), at(page), 1, one), p1(machine));
      machine.spawn('reader', machine.load(p1(machine), at(page), 1, into), p1(machine));
    }
    machine.spawn('unmapper', machine.syscalls.madvise(p1(machine), at(0), 8 * PAGE, 'dontneed'), p1(machine));
    machine.runAll();
    witness.expectBalance();
    expectClean(machine);
  });
});

describe('the picture of an address space', () => {
  it('says of each page whether it is resident, swapped, reached by a device or pinned', () => {
    const machine = machineOf({ frames: 64, swapPages: 256 });
    map(machine, 8, { at: at(0) });
    const device = attachTo(machine, mirror());
    expect(machine.addressSpace(p1(machine))).toEqual([
      expect.objectContaining({ start: at(0), end: at(8), runs: [] }),
    ]);
    fill(machine, at(1), 4, 1);
    deviceLoad(machine, device, at(2));
    const runs = () => machine.addressSpace(p1(machine)).flatMap((area) => area.runs);
    expect(runs()).toEqual([
      { address: at(1), pages: 1, state: 'resident' },
      { address: at(2), pages: 1, state: 'device-mapped' },
      { address: at(3), pages: 2, state: 'resident' },
    ]);
    run(machine, machine.reclaim(64));
    expect(runs()).toEqual([{ address: at(1), pages: 4, state: 'swapped' }]);
    expectClean(machine);
  });

  it('costs what is there: a terabyte that nobody touched is one line', () => {
    const machine = machineOf();
    map(machine, 2 ** 28, { at: at(0) });
    store(machine, at(2 ** 27), 1);
    store(machine, at(511), 1);
    store(machine, at(512), 1);
    expect(machine.addressSpace(p1(machine))[0]?.runs).toEqual([
      { address: at(511), pages: 2, state: 'resident' },
      { address: at(2 ** 27), pages: 1, state: 'resident' },
    ]);
    expectClean(machine);
  });

  it('is empty behind an exit', () => {
    const machine = machineOf();
    map(machine, 1, { at: AREA });
    run(machine, machine.syscalls.exit(p1(machine)));
    expect(machine.addressSpace(p1(machine))).toEqual([]);
    expectClean(machine);
  });
});
