import { ALONE, FakeLedger, page } from '../../test/fake-ledger.ts';
import { ControlBlock } from './control-block.ts';
import { FaultCause, Tfh } from './tfh.ts';
import { Tlb } from './tlb.ts';

function missing(state: 'MISS_FMM' | 'MISS_UPM' = 'MISS_FMM'): { tfh: Tfh; block: ControlBlock; ledger: FakeLedger } {
  const ledger = new FakeLedger();
  const tfh = new Tfh(new Tlb(ledger, 16, ALONE), ALONE);
  const block = new ControlBlock(0, ALONE, () => undefined);
  tfh.activate(block, 3);
  block.issue({ opcode: 'vload', address: 4096, length: 1, dsr: 0 });
  tfh.raise(state, FaultCause.TlbMiss, 4096, 8);
  return { tfh, block, ledger };
}

describe('a TLB fault handle', () => {
  it('says what missed', () => {
    expect(missing().tfh.read()).toMatchObject({
      status: 'EXCEPTION',
      state: 'MISS_FMM',
      cause: FaultCause.TlbMiss,
      missVaddr: 4096,
      missAsid: 8,
      ctxnum: 3,
    });
  });

  it('takes a drop-in, and restarts', () => {
    const { tfh, block, ledger } = missing('MISS_UPM');
    expect(block.istatus).toBe('CALL_OS');
    expect(tfh.writeRestart(tfh.read(), page(1, 100))).toBe(true);
    expect([tfh.state, block.istatus, ledger.live]).toEqual(['IDLE', 'ACTIVE', [100]]);
  });

  it('ignores a drop-in that a purge came before, and restarts all the same', () => {
    const { tfh, block, ledger } = missing('MISS_UPM');
    const image = tfh.read();
    tfh.purged(8);
    expect(tfh.writeOnly(image, page(2, 101))).toBe(false);
    expect(tfh.writeRestart(image, page(1, 100))).toBe(false);
    expect([tfh.state, block.istatus, ledger.live]).toEqual(['IDLE', 'ACTIVE', []]);
  });

  it('does not mind a purge of another ASID, or one before it was read', () => {
    const { tfh, ledger } = missing();
    tfh.purged(8);
    const image = tfh.read();
    tfh.purged(16);
    expect(tfh.writeRestart(image, page(1, 100))).toBe(true);
    expect(ledger.live).toEqual([100]);
  });

  it('does nothing for whoever answers a miss that is over', () => {
    const { tfh, block, ledger } = missing();
    const image = tfh.read();
    tfh.deactivate();
    tfh.activate(block, 4);
    tfh.raise('MISS_FMM', FaultCause.TlbMod, 8192, 8);
    tfh.exception(image);
    tfh.userPollingMode(image);
    tfh.restart(image);
    expect(tfh.writeRestart(image, page(1, 100))).toBe(false);
    expect([tfh.state, block.istatus, ledger.live]).toEqual(['MISS_FMM', 'ACTIVE', []]);
  });

  it('answers once', () => {
    const { tfh, ledger } = missing();
    const image = tfh.read();
    expect(tfh.writeRestart(image, page(1, 100))).toBe(true);
    expect(tfh.writeRestart(image, page(1, 101))).toBe(false);
    expect(ledger.live).toEqual([100]);
  });

  it('ends an instruction whose page there is not', () => {
    const { tfh, block } = missing();
    tfh.exception(tfh.read());
    expect([block.istatus, block.exception]).toEqual(['EXCEPTION', { cause: 0x40, opcode: 'vload', address: 4096 }]);
  });

  it('hands a miss to the process', () => {
    const { tfh, block } = missing();
    tfh.userPollingMode(tfh.read());
    expect([tfh.state, block.istatus]).toEqual(['MISS_UPM', 'CALL_OS']);
  });
});
