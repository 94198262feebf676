/** What the comparison makes of ranges that no real recording has: played by a stub, told by hand. */
import { AccessKind, type EventSink, type MmEvent } from '@mmu-notifier/trace';
import { FidelityComparison } from './comparison.ts';
import type { FaultView } from './fault-view.ts';
import type { ProbedRange } from './probe.ts';

const PAGE = 4096;
const AT = 0x7f00_0000_0000;

/** A machine that tells the probe what the test says, and reclaims when it says so. */
class Stub implements EventSink {
  reclaims = 0;
  present = false;
  reclaimsAtOnce = false;
  /** How often it was told that its cgroup is full. */
  fills = 0;
  ranges: readonly ProbedRange[] = [];
  private faults = 0;
  readonly view: FaultView = {
    faults: () => this.faults,
    reclaims: () => this.reclaims,
    present: () => this.present,
    fillCgroup: () => ++this.fills,
    warm: () => undefined,
  };
  readonly comparison: FidelityComparison = new FidelityComparison(this, this.view);

  access(): void {
    this.faults++;
    this.tell();
  }

  event(): void {
    this.tell();
  }

  private tell(): void {
    if (this.reclaimsAtOnce) this.reclaims++;
    for (const range of this.ranges) this.comparison.range(range);
  }
}

const cleared = (page: number, pages = 1, process = 'p1'): ProbedRange => ({
  process,
  start: AT + page * PAGE,
  end: AT + (page + pages) * PAGE,
  event: 'CLEAR',
});

/** A write fault on the first page, recorded on line 9. */
function fault({ comparison }: Stub): void {
  comparison.recordedFault({ line: 9, process: 1, address: AT, by: 'user', access: 'write', present: false });
  comparison.access(1, AccessKind.store, AT, 1);
}

describe('a range between calls and faults', () => {
  it('is counted, with the line of the call or fault before', () => {
    const stub = new Stub();
    fault(stub);
    stub.comparison.range(cleared(5));
    expect(stub.comparison.report()).toMatchObject({
      outside: 1,
      invalidations: { recorded: 0, surplus: 0 },
      residues: [{ kind: 'invalidation', side: 'surplus', cause: 'outside', line: 9, start: '0x7f0000005000' }],
    });
  });

  it('is counted during an access that did not fault when it was recorded', () => {
    const stub = new Stub();
    stub.ranges = [cleared(5, 2)];
    stub.comparison.access(1, AccessKind.kernelStore, AT, 1);
    expect(stub.comparison.report()).toMatchObject({ outside: 1 });
  });

  it('is reclaim where reclaim has begun', () => {
    const stub = new Stub();
    stub.reclaims++;
    stub.comparison.range(cleared(5));
    expect(stub.comparison.report()).toMatchObject({ outside: 0, reclaim: { recorded: 0, model: 1 } });
  });
});

describe('a range of another page during a fault', () => {
  const told = (range: ProbedRange, reclaiming: 'reclaiming' | 'at ease'): Stub => {
    const stub = new Stub();
    stub.ranges = [range];
    stub.reclaimsAtOnce = reclaiming === 'reclaiming';
    fault(stub);
    return stub;
  };

  it('is reclaim when it clears one page while reclaim runs', () => {
    expect(told(cleared(5), 'reclaiming').comparison.report()).toMatchObject({
      invalidations: { surplus: 0 },
      reclaim: { model: 1 },
    });
  });

  it.each<[string, ProbedRange, 'reclaiming' | 'at ease']>([
    ['nothing is reclaimed', cleared(5), 'at ease'],
    ['it is longer than a page', cleared(5, 2), 'reclaiming'],
    ['it is no clearing', { ...cleared(5), event: 'PROTECTION_PAGE' }, 'reclaiming'],
  ])('is surplus when %s', (_why, range, reclaiming) => {
    expect(told(range, reclaiming).comparison.report()).toMatchObject({
      invalidationsByCause: { fault: { surplus: 1 } },
      reclaim: { model: 0 },
    });
  });
});

it('names the pages that were there on one side only', () => {
  const stub = new Stub();
  stub.present = true;
  fault(stub);
  stub.present = false;
  stub.comparison.recordedFault({ line: 10, process: 1, address: AT, by: 'user', access: 'write', present: true });
  stub.comparison.access(1, AccessKind.store, AT, 1);
  expect(stub.comparison.report()).toMatchObject({
    presenceDiffers: 2,
    residues: [
      { kind: 'presence', side: 'surplus', cause: 'user write', line: 9, process: 'p1', start: '0x7f0000000000' },
      { kind: 'presence', side: 'missing', cause: 'user write, page present', line: 10 },
    ],
  });
});

describe('a recorded range that belongs to no call and no fault', () => {
  const recorded = (pages: number, end = AT + pages * PAGE): ReturnType<FidelityComparison['report']> => {
    const stub = new Stub();
    stub.comparison.recordedInvalidation({
      line: 7,
      process: 1,
      start: AT,
      end,
      cause: { name: 'other', line: 7 },
    });
    return stub.comparison.report();
  };

  it('is missing when it is longer than what reclaim takes', () => {
    expect(recorded(3)).toMatchObject({
      invalidations: { recorded: 1, missing: 1 },
      reclaim: { recorded: 0 },
      residues: [{ kind: 'invalidation', side: 'missing', cause: 'no call or fault', line: 7 }],
    });
  });

  it('counts as reclaim when it is one page, and is named where this machine never reclaimed', () => {
    expect(recorded(1)).toMatchObject({
      invalidations: { recorded: 0 },
      reclaim: { recorded: 1 },
      residues: [{ kind: 'reclaim', side: 'missing', line: 7 }],
    });
  });
});

describe('ranges with the same bounds', () => {
  const call: MmEvent = {
    verb: 'munmap',
    actor: { kind: 'process', name: 'p1' },
    line: 3,
    address: AT,
    length: PAGE * 4,
  };
  const paired = (
    recordedFor: readonly number[],
    made: readonly string[],
  ): ReturnType<FidelityComparison['report']> => {
    const stub = new Stub();
    stub.ranges = made.map((process) => cleared(0, 4, process));
    for (const process of recordedFor)
      stub.comparison.recordedInvalidation({
        line: 4,
        process,
        start: AT,
        end: AT + 4 * PAGE,
        cause: { name: 'munmap', line: 3 },
      });
    stub.comparison.event(call, 'call');
    return stub.comparison.report();
  };

  it('pair within an address space first', () => {
    expect(paired([2, 1], ['p1', 'p2'])).toMatchObject({ invalidations: { matched: 2 }, otherSpace: 0 });
    expect(paired([2], ['p1', 'p2'])).toMatchObject({
      invalidations: { matched: 1, surplus: 1 },
      otherSpace: 0,
      residues: [{ side: 'surplus', process: 'p1' }],
    });
  });

  it('pair across address spaces then, and are counted', () => {
    expect(paired([1, 1], ['p1', 'p2'])).toMatchObject({ invalidations: { matched: 2 }, otherSpace: 1 });
    expect(paired([3], ['p1', 'p2'])).toMatchObject({ invalidations: { matched: 1, surplus: 1 }, otherSpace: 1 });
  });
});

describe('a cgroup that the recorded kernel found full', () => {
  const aging = { process: 1, start: AT, end: AT + PAGE, how: 'clear' } as const;

  /** A fault behind which the machine takes so many pages, and the kernel asks for the age of two. */
  function pressed(stub: Stub, line: number, pages: number): void {
    const { comparison } = stub;
    stub.reclaimsAtOnce = true;
    stub.ranges = Array.from({ length: pages }, (_, page) => cleared(page + 1));
    comparison.recordedFault({ line, process: 1, address: AT, by: 'user', access: 'write', present: false });
    comparison.access(1, AccessKind.store, AT, 1);
    for (const later of [1, 2]) comparison.recordedAging({ ...aging, line: line + later });
  }

  it('is full here too, once for each call or fault', () => {
    const stub = new Stub();
    pressed(stub, 9, 0);
    pressed(stub, 19, 0);
    expect(stub.fills).toBe(2);
    expect(stub.comparison.report()).toMatchObject({ elsewhere: 2, agings: { recorded: 4 } });
  });

  it('is not filled where the machine is far ahead', () => {
    const stub = new Stub();
    pressed(stub, 9, 128);
    expect(stub.fills).toBe(1);
    pressed(stub, 19, 1);
    expect(stub.fills).toBe(1);
  });
});
