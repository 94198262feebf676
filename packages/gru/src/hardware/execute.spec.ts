import { ALONE, FakeLedger, page } from '../../test/fake-ledger.ts';
import { Cause } from './cause.ts';
import { Chiplet } from './chiplet.ts';
import { ControlBlock } from './control-block.ts';
import { ExecutionUnit } from './execute.ts';
import type { AmoOperation, Instruction } from './instruction.ts';
import { AMO_OPERATIONS } from './instruction.ts';
import { FaultCause } from './tfh.ts';
import { Tgh } from './tgh.ts';

const PAGE = 4096;

/** One running context with 1 KiB of data segment; misses are answered with frame 100 + page, from page 1 to 15. */
class Bench {
  readonly ledger = new FakeLedger();
  readonly chiplet = new Chiplet(this.ledger, 16, ALONE);
  readonly unit = new ExecutionUnit(this.chiplet, this.ledger);
  readonly cbr = this.chiplet.cbrs[0]!;
  readonly cch = this.chiplet.cchs[0]!;
  readonly block = new ControlBlock(0, ALONE, () => undefined);
  misses: string[] = [];

  constructor() {
    this.cch.allocate([this.cbr], this.chiplet.dsr.subarray(1024, 2048), 'interrupt');
    this.cbr.block = this.block;
    this.cch.start(8);
    this.chiplet.interrupt = () => this.answer();
  }

  get dsr(): Uint8Array {
    return this.cch.dsr;
  }

  bytes(address: number, length: number): number[] {
    const frame = this.ledger.frame(100 + Math.floor(address / PAGE));
    return [...frame.subarray(address % PAGE, (address % PAGE) + length)];
  }

  run(instruction: Instruction): ControlBlock {
    this.block.issue(instruction);
    for (let steps = 0; this.block.istatus === 'ACTIVE'; steps++) {
      if (steps > 1000) throw new Error('the instruction does not end');
      this.unit.step(this.cch, this.cbr);
    }
    return this.block;
  }

  private answer(): void {
    for (const { tfh } of this.chiplet.takeFaults()) {
      const image = tfh.read();
      const number = Math.floor(image.missVaddr / PAGE);
      const write = (image.cause & FaultCause.TlbMod) !== 0;
      this.misses.push(`${write ? 'w' : 'r'}${number}`);
      if (number < 1 || number > 15) tfh.exception(image);
      else tfh.writeRestart(image, page(number, 100 + number, write));
    }
  }
}

const amo = (operation: AmoOperation, address: number, size: 4 | 8, operand = 0n, comparand = 0n): Instruction => ({
  opcode: AMO_OPERATIONS[operation],
  operation,
  address,
  size,
  operand,
  comparand,
});

describe('an instruction', () => {
  it('VLOAD and VSTORE move bytes across pages, and go on behind what they have done', () => {
    const bench = new Bench();
    bench.dsr.set([1, 2, 3, 4]);
    bench.run({ opcode: 'vstore', address: 2 * PAGE - 2, length: 4, dsr: 0 });
    expect([bench.bytes(2 * PAGE - 2, 2), bench.bytes(2 * PAGE, 2)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    bench.run({ opcode: 'vload', address: 2 * PAGE - 2, length: 4, dsr: 8 });
    expect([...bench.dsr.subarray(8, 12)]).toEqual([1, 2, 3, 4]);
    expect(bench.misses).toEqual(['w1', 'w2']);
  });

  it('a load is dropped in for loads, and misses again for a store', () => {
    const bench = new Bench();
    bench.run({ opcode: 'vload', address: PAGE, length: 4, dsr: 0 });
    bench.run({ opcode: 'vstore', address: PAGE, length: 4, dsr: 0 });
    expect(bench.misses).toEqual(['r1', 'w1']);
  });

  it('VSET and BSTORE repeat an element, and a block', () => {
    const bench = new Bench();
    bench.run({ opcode: 'vset', address: 2 * PAGE - 3, length: 6, element: Uint8Array.of(7, 8) });
    expect([bench.bytes(2 * PAGE - 3, 3), bench.bytes(2 * PAGE, 3)]).toEqual([
      [7, 8, 7],
      [8, 7, 8],
    ]);
    bench.dsr.set([5, 6, 7], 10);
    bench.run({ opcode: 'bstore', address: PAGE, length: 7, dsr: 10, bufferBytes: 3 });
    expect(bench.bytes(PAGE, 7)).toEqual([5, 6, 7, 5, 6, 7, 5]);
  });

  it('BCOPY copies through its buffer, whatever the two offsets are', () => {
    const bench = new Bench();
    bench.dsr.set(Array.from({ length: 300 }, (_, i) => i & 255));
    bench.run({ opcode: 'vstore', address: 2 * PAGE - 100, length: 300, dsr: 0 });
    const copy = { opcode: 'bcopy', address: 2 * PAGE - 100, target: 5 * PAGE - 7, length: 300 } as const;
    bench.run({ ...copy, dsr: 512, bufferBytes: 64 });
    bench.run({ opcode: 'vload', address: 5 * PAGE - 7, length: 300, dsr: 0 });
    expect([...bench.dsr.subarray(0, 300)]).toEqual(Array.from({ length: 300 }, (_, i) => i & 255));
  });

  it('gathers and scatters by index, also backwards', () => {
    const bench = new Bench();
    const view = new DataView(bench.dsr.buffer, bench.dsr.byteOffset);
    [3, -1, 1024].forEach((index, i) => view.setBigInt64(8 * i, BigInt(index), true));
    bench.dsr.set([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0], 32);
    const indexed = { address: 2 * PAGE, elements: 3, elementSize: 4, dsr: 32, indexes: 0 } as const;
    bench.run({ opcode: 'ivstore', ...indexed });
    expect([2 * PAGE + 12, 2 * PAGE - 4, 3 * PAGE].map((at) => bench.bytes(at, 1)[0])).toEqual([1, 2, 3]);
    bench.run({ opcode: 'ivload', ...indexed, dsr: 64 });
    expect([...bench.dsr.subarray(64, 76)]).toEqual([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
  });

  it.each<[AmoOperation, bigint, bigint, bigint]>([
    ['fetch', 0n, 0n, 10n],
    ['clear', 0n, 0n, 0n],
    ['inc', 0n, 0n, 11n],
    ['dec', 0n, 0n, 9n],
    ['swap', 5n, 0n, 5n],
    ['add', -11n, 0n, 2n ** 64n - 1n],
    ['or', 5n, 0n, 15n],
    ['and', 6n, 0n, 2n],
    ['xor', 15n, 0n, 5n],
    ['cswap', 77n, 10n, 77n],
    ['cswap', 77n, 11n, 10n],
  ])('the atomic %s answers what was there', (operation, operand, comparand, after) => {
    const bench = new Bench();
    bench.ledger.frame(101)[8] = 10;
    expect(bench.run(amo(operation, PAGE + 8, 8, operand, comparand)).result).toBe(10n);
    expect(bench.run(amo('fetch', PAGE + 8, 8)).result).toBe(after);
  });

  it('an atomic of 4 bytes wraps at 32 bits', () => {
    const bench = new Bench();
    bench.ledger.frame(101).fill(0xff, 0, 4);
    expect(bench.run(amo('inc', PAGE, 4)).result).toBe(0xffffffffn);
    expect(bench.bytes(PAGE, 5)).toEqual([0, 0, 0, 0, 0]);
  });

  it('ends with a cause where there is no page', () => {
    const bench = new Bench();
    bench.run({ opcode: 'vload', address: 16 * PAGE - 2, length: 4, dsr: 0 });
    const { istatus, exception, done } = bench.block;
    expect([istatus, exception?.cause, exception?.address, done]).toEqual([
      'EXCEPTION',
      Cause.OsFatalTlbFault,
      16 * PAGE,
      2,
    ]);
  });

  it.each<[string, Instruction, number]>([
    ['runs over its data segment', { opcode: 'vload', address: PAGE, length: 8, dsr: 1020 }, Cause.DataSegmentLimit],
    ['has no length', { opcode: 'vstore', address: PAGE, length: 0, dsr: 0 }, Cause.InvalidInstruction],
    ['is atomic and not aligned', amo('inc', PAGE + 1, 4), Cause.InvalidInstruction],
    [
      'has an operation of another kind',
      { ...amo('inc', PAGE, 4), opcode: 'gamxr' } as Instruction,
      Cause.InvalidInstruction,
    ],
    [
      'has indexes beyond its data segment',
      { opcode: 'ivload', address: PAGE, elements: 2, elementSize: 4, dsr: 0, indexes: 1016 },
      Cause.DataSegmentLimit,
    ],
  ])('that %s is refused before it touches memory', (_, instruction, cause) => {
    const bench = new Bench();
    bench.run(instruction);
    expect([bench.block.exception?.cause, bench.misses]).toEqual([cause, []]);
  });
});

describe('a purge', () => {
  it('is done when it has been waited for', () => {
    const bench = new Bench();
    bench.run({ opcode: 'vload', address: PAGE, length: 1, dsr: 0 });
    const tgh = new Tgh(bench.chiplet);
    tgh.start({ asid: 8, page: 1, pages: 1 });
    expect([tgh.busy, bench.ledger.live]).toEqual([true, [101]]);
    tgh.complete();
    expect([tgh.busy, bench.ledger.live]).toEqual([false, []]);
  });

  it('of 1024 pages takes everything of its ASID', () => {
    const bench = new Bench();
    bench.run({ opcode: 'vload', address: PAGE, length: 1, dsr: 0 });
    bench.chiplet.purge(8, 5000, 1023);
    expect(bench.ledger.live).toEqual([101]);
    bench.chiplet.purge(8, 5000, 1024);
    expect(bench.ledger.live).toEqual([]);
  });

  it('hits misses of its ASID that wait, whatever the range', () => {
    const bench = new Bench();
    bench.chiplet.interrupt = () => undefined;
    bench.block.issue({ opcode: 'vload', address: PAGE, length: 1, dsr: 0 });
    bench.unit.step(bench.cch, bench.cbr);
    const { tfh } = bench.cbr;
    for (const purge of [() => bench.chiplet.purge(8, 3, 1), () => bench.chiplet.purgeAll()]) {
      const image = tfh.read();
      purge();
      expect(tfh.unpurged(image)).toBe(false);
    }
    const image = tfh.read();
    bench.chiplet.purge(16, 1, 1);
    expect(tfh.unpurged(image)).toBe(true);
  });
});

describe('a context that stops', () => {
  it('forgets its miss, and has it again where it is started next', () => {
    const bench = new Bench();
    bench.chiplet.interrupt = () => undefined;
    bench.block.issue({ opcode: 'vload', address: PAGE, length: 1, dsr: 0 });
    bench.unit.step(bench.cch, bench.cbr);
    const image = bench.cbr.tfh.read();
    bench.cch.stop();
    expect([bench.cbr.tfh.state, bench.block.istatus]).toEqual(['INACTIVE', 'ACTIVE']);
    expect(bench.cbr.tfh.writeRestart(image, page(1, 101))).toBe(false);
    bench.cch.start(16);
    bench.unit.step(bench.cch, bench.cbr);
    expect(bench.cbr.tfh.read()).toMatchObject({ state: 'MISS_FMM', missAsid: 16 });
  });

  it('in user-polling mode says so in its block', () => {
    const bench = new Bench();
    bench.cch.missMode = 'user-polling';
    bench.block.issue({ opcode: 'vload', address: PAGE, length: 1, dsr: 0 });
    bench.unit.step(bench.cch, bench.cbr);
    expect([bench.block.istatus, bench.misses]).toEqual(['CALL_OS', []]);
  });
});
