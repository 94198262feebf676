/** Instructions as scripts write them, on real pages. */
import { AREA, GruMachine, PAGE } from './machine.ts';

const at = (offset: number): string => `0x${(AREA + offset).toString(16)}`;

function mapped(options = {}): GruMachine {
  const it = new GruMachine(options);
  it.map(8);
  return it;
}

describe('an instruction of a script', () => {
  it('moves bytes: vstore, vload, vset, bstore, bcopy', () => {
    const it = mapped();
    expect(it.action('vstore', at(PAGE - 1), '010203')).toBeUndefined();
    expect(it.action('vload', at(PAGE - 1), '3')).toBe('010203');
    expect(it.action('vset', at(0), '5', 'abcd')).toBeUndefined();
    expect(it.peek(AREA, 5)).toEqual([0xab, 0xcd, 0xab, 0xcd, 0xab]);
    expect(it.action('bstore', at(16), '5', '0102')).toBeUndefined();
    expect(it.peek(AREA + 16, 5)).toEqual([1, 2, 1, 2, 1]);
    expect(it.action('bcopy', at(0), at(3 * PAGE - 4), '2K')).toBeUndefined();
    expect(it.peek(AREA + 3 * PAGE - 4, 21)).toEqual(it.peek(AREA, 21));
    it.expectClean();
  });

  it('gathers and scatters', () => {
    const it = mapped();
    it.action('scatter', at(0), '4', '010000000200000003000000', '0', '1024', '5');
    expect([0, PAGE, 20].map((offset) => it.peek(AREA + offset)[0])).toEqual([1, 2, 3]);
    expect(it.action('gather', at(0), '4', '5', '0')).toBe('0300000001000000');
    it.expectClean();
  });

  it('is atomic', () => {
    const it = mapped();
    expect(it.action('amo', 'add', at(8), '8', '40')).toBe('0x0');
    expect(it.action('amo', 'cswap', at(8), '8', '7', '40')).toBe('0x28');
    expect(it.action('amo', 'fetch', at(8), '4')).toBe('0x7');
    expect(it.action('amo', 'inc', at(9), '4')).toBe('exception INVALID_INSTRUCTION');
    expect(it.action('exception')).toBe(`INVALID_INSTRUCTION gamir ${at(9)}`);
    it.expectClean();
  });

  it('ends with the cause where there is no page', () => {
    const it = mapped();
    expect(it.action('bcopy', at(0), at(8 * PAGE - 10), '20')).toBe('EFAULT');
    expect(it.action('exception')).toBe(`OS_FATAL_TLB_FAULT bcopy ${at(8 * PAGE)}`);
    expect(it.stat('user_exception')).toBe(1);
    it.expectClean();
  });

  it.each([
    ['vload'],
    ['vload', 'somewhere', '4'],
    ['vload', '0x1000', '2K'],
    ['vstore', '0x1000', 'xyz'],
    ['vstore', '0x1000', '2K'],
    ['gather', '0x1000', '3', '0'],
    ['scatter', '0x1000', '4', '0102', '0'],
    ['amo', 'mul', '0x1000', '8'],
    ['amo', 'add', '0x1000', '2', '1'],
    ['start', 'jump'],
    ['wait', '0'],
    ['wait', '99'],
    ['callos'],
    ['flush', '0x1000'],
    ['option', 'blade=7'],
    ['option', 'controlBlocks=2'],
    ['create', 'controlBlocks=3'],
    ['vload', '0x1000', '4', 'gseg=9'],
  ])('%s %s %s is EINVAL', (...words) => {
    const it = mapped();
    expect(it.action(...words)).toBe('EINVAL');
    it.expectClean();
  });

  it('runs by itself: start, and wait for it', () => {
    const it = mapped();
    expect(it.action('start', 'vset', at(0), '8K', '55')).toBe('0');
    expect(it.action('start', 'vset', at(4 * PAGE), '1', '66')).toBe('1');
    expect(it.action('wait', '0')).toBe('IDLE');
    expect(it.action('wait', '1')).toBe('IDLE');
    expect([it.peek(AREA + 2 * PAGE - 1), it.peek(AREA + 4 * PAGE)]).toEqual([[0x55], [0x66]]);
    expect(it.action('start', 'vload', at(9 * PAGE), '1')).toBe('0');
    expect(it.action('wait', '0')).toBe('exception OS_FATAL_TLB_FAULT');
    it.expectClean();
  });

  it('that runs by itself is over when its context is closed', () => {
    const it = mapped({ gru: { missMode: 'user-polling' } });
    it.action('start', 'vset', at(0), '8K', '55');
    it.run(it.device.close(it.process.handle));
    it.expectClean();
  });

  it('preloads the pages behind the one that a copy misses', () => {
    const it = mapped({ gru: { tlbPreload: 3 } });
    for (let i = 0; i < 8; i++) it.poke(AREA + i * PAGE, [i]);
    it.action('bcopy', at(0), at(4 * PAGE), '16K');
    expect(it.stat('tlb_preload_page')).toBe(6);
    expect(it.stat('tlb_dropin')).toBe(2);
    expect(it.peek(AREA + 7 * PAGE)).toEqual([3]);
    it.expectClean();
  });
});

describe('a miss', () => {
  it('is served by interrupt where the page is there, dirty for a store', () => {
    const it = mapped();
    it.poke(AREA, [1]);
    it.store(AREA, [2]);
    expect([it.stat('intr_tfh'), it.stat('call_os'), it.stat('tlb_dropin')]).toEqual([1, 0, 1]);
    it.expectClean();
  });

  it('comes by the process where the page has to be got', () => {
    const it = mapped();
    it.store(AREA, [2]);
    expect([it.stat('intr_tfh'), it.stat('call_os'), it.stat('tlb_dropin_fail_upm')]).toEqual([1, 1, 1]);
    expect(it.action('statistics')).toBe('fmmTlbmiss=1 upmTlbmiss=1 tlbdropin=1 contextStolen=0');
    it.expectClean();
  });

  it('comes by the process at once in user-polling mode', () => {
    const it = mapped({ gru: { missMode: 'user-polling' } });
    it.store(AREA, [2]);
    expect([it.stat('intr'), it.stat('call_os')]).toEqual([0, 1]);
    it.expectClean();
  });

  it('for a store to a page that was dropped in for loads is an upgrade', () => {
    const it = mapped();
    it.poke(AREA, [1]);
    it.load(AREA);
    expect(it.reachable()).toEqual(['0']);
    it.store(AREA, [2]);
    expect(it.reachable()).toEqual(['0w']);
    it.expectClean();
  });

  it('breaks copy-on-write: the window inside the look-up cancels the drop-in, and the next one lands', () => {
    const it = mapped();
    it.poke(AREA, [1]);
    it.store(AREA, [2]);
    const child = it.run(it.machine.syscalls.fork(it.process));
    if (typeof child === 'string') throw new Error(child);
    expect(it.reachable()).toEqual([]);
    it.store(AREA, [3]);
    expect([it.peek(AREA), it.peek(AREA, 1, child)]).toEqual([[3], [2]]);
    expect(it.stat('tlb_dropin_cancelled')).toBe(1);
    it.expectClean();
  });

  it('meets mmapLock held for writing: the interrupt does not wait for it', () => {
    for (let seed = 0; seed < 60; seed++) {
      const it = mapped({ seed });
      it.poke(AREA, [1]);
      for (let i = 0; i < 3; i++)
        it.spawn(`mmap ${i}`, it.machine.syscalls.mprotect(it.process, AREA + (4 + i) * PAGE, PAGE, 'r'));
      it.spawn('load', it.access('load', AREA, new Uint8Array(1)));
      it.machine.runAll();
      const failed = it.stat('intr_mm_lock_failed');
      it.expectClean();
      if (failed > 0) return;
    }
    throw new Error('no seed let an interrupt meet the lock');
  });
});
