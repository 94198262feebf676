/** The GSEG: a context's registers in the address space of its process. */
import type { Process } from '@mmu-notifier/core';
import type { Routine } from '@mmu-notifier/plugin-api';
import { withoutGuard } from '../src/testing.ts';
import { AREA, GruMachine, PAGE } from './machine.ts';

const DS = 0x20000;
const hex = (address: number): string => `0x${address.toString(16)}`;

function windowed(options = {}): { readonly it: GruMachine; readonly gseg: number } {
  const it = new GruMachine(options);
  it.map(4);
  it.poke(AREA, [1, 2, 3]);
  const gseg = Number(it.action('gseg'));
  return { it, gseg };
}

function signalOf(it: GruMachine, address: number): string | undefined {
  return it.run(it.machine.load(it.process, address, 1, new Uint8Array(1)))?.signal;
}

describe('a window', () => {
  it('is where the process sees what instructions loaded, and puts what they store', () => {
    const { it, gseg } = windowed();
    expect(gseg % 0x40000).toBe(0);
    expect(it.action('vload', hex(AREA), '3')).toBe('010203');
    expect(it.peek(gseg + DS, 3)).toEqual([1, 2, 3]);
    it.poke(gseg + DS, [9]);
    expect(it.action('vstore', hex(AREA + PAGE), '0x3')).toBeUndefined();
    expect(it.peek(AREA + PAGE, 3)).toEqual([9, 2, 3]);
    it.expectClean();
  });

  it('loads the context at the first touch', () => {
    const { it, gseg } = windowed();
    expect(it.stat('contexts_loaded')).toBe(0);
    expect(it.peek(gseg)).toEqual([0]);
    expect([it.stat('contexts_loaded'), it.stat('nopfn')]).toEqual([1, 1]);
    it.expectClean();
  });

  it('keeps its bytes while the context is not loaded', () => {
    const { it, gseg } = windowed();
    it.poke(gseg + DS + 3000, [7, 8]);
    it.action('unload');
    expect(it.stat('contexts_loaded')).toBe(0);
    expect(it.peek(gseg + DS + 3000, 2)).toEqual([7, 8]);
    it.expectClean();
  });

  it('shows the status of its blocks', () => {
    const { it, gseg } = windowed();
    it.peek(gseg);
    it.action('vload', hex(AREA + 9 * PAGE), '1');
    expect(it.peek(gseg)).toEqual([1]);
    it.action('nop');
    expect(it.peek(gseg)).toEqual([0]);
    it.expectClean();
  });

  it('has nothing behind its registers', () => {
    const { it, gseg } = windowed();
    expect([signalOf(it, gseg + PAGE), signalOf(it, gseg + DS + PAGE)]).toEqual(['SIGBUS', 'SIGBUS']);
    expect(it.peek(gseg + DS + PAGE - 1)).toEqual([0]);
    it.expectClean();
  });

  it('is not memory: an instruction on it ends with an exception, and no child has it', () => {
    const { it, gseg } = windowed();
    it.poke(gseg + DS, [1]);
    expect(it.load(gseg + DS)).toBe('EFAULT');
    const child = it.run(it.machine.syscalls.fork(it.process)) as Process;
    expect(it.run(it.machine.load(child, gseg, 1, new Uint8Array(1)), child)?.signal).toBe('SIGSEGV');
    it.expectClean();
  });

  it('that is unmapped takes its context along', () => {
    const { it, gseg } = windowed();
    it.load(AREA);
    it.run(it.machine.syscalls.munmap(it.process, gseg, 0x40000));
    expect([it.load(AREA), it.reachable(), it.stat('gts_free')]).toEqual(['EIO', [], 1]);
    it.open(it.process, { gseg: true });
    expect(it.load(AREA)).toEqual([1]);
    expect(it.machine.syscalls.maps(it.process).map(({ file }) => file)).toContain('/dev/gru');
    it.expectClean();
  });

  it('goes with its context, and with its process', () => {
    const { it, gseg } = windowed();
    it.peek(gseg);
    it.run(it.device.close(it.process.handle));
    expect(signalOf(it, gseg)).toBe('SIGSEGV');
    it.open(it.process, { gseg: true });
    it.run(it.machine.syscalls.exit(it.process));
    expect(it.stat('gts_free')).toBe(2);
    it.expectClean();
  });

  it.each([
    [['0x12345000'], 'EINVAL'],
    [['here'], 'EINVAL'],
    [[hex(AREA)], 'EEXIST'],
    [['0x50000000'], '0x50000000'],
  ])('at %j: %s', (args, answer) => {
    const it = new GruMachine();
    it.map(1);
    expect(it.action('gseg', ...args)).toBe(answer);
    if (answer === '0x50000000') expect(it.action('gseg')).toBe('EEXIST');
    it.expectClean();
  });
});

/** Two contexts that take turns on one chiplet, each with a byte of its own in its data segment. */
function turns(): readonly number[] {
  const big = { controlBlocks: 128, dataSegmentBytes: 32768, chiplet: 0 };
  const { it, gseg } = windowed({ gru: big });
  const child = it.run(it.machine.syscalls.fork(it.process)) as Process;
  it.open(child, { gseg: true });
  const other = it.machine.syscalls.maps(child).find(({ file }) => file === '/dev/gru')?.start ?? 0;
  it.poke(gseg + DS, [1]);
  it.poke(other + DS, [2], child);
  const seen = [it.peek(gseg + DS), it.peek(other + DS, 1, child), it.peek(gseg + DS)];
  if (seen.flat().join() === '1,2,1') it.expectClean();
  return seen.flat();
}

describe('windows of contexts that take turns', () => {
  it('show each process its own registers', () => {
    expect(turns()).toEqual([1, 2, 1]);
  });

  it('need their ptes to go with the registers', () => {
    const restore = withoutGuard('window-zap');
    try {
      expect(turns()).not.toEqual([1, 2, 1]);
    } finally {
      restore();
    }
  });

  it('find nothing under random schedules: touches, instructions, thefts, unmapping', () => {
    for (let seed = 0; seed < Number(process.env['GRU_SEEDS'] ?? 40); seed++) {
      const { it, gseg } = windowed({ seed, frames: 128 });
      const touch = function* (): Routine<void> {
        for (let i = 0; i < 4; i++) {
          yield* it.machine.store(it.process, gseg + DS + 1024 * i, 1, Uint8Array.of(i));
          yield* it.access('store', AREA + i * PAGE, Uint8Array.of(i));
        }
      };
      const steal = function* (): Routine<void> {
        for (let i = 0; i < 4; i++) yield* it.actionOf(it.process, i % 2 === 0 ? 'steal' : 'unload');
      };
      it.spawn('touch', touch());
      it.spawn('again', touch());
      it.spawn('steal', steal());
      it.spawn('window', it.machine.syscalls.madvise(it.process, AREA, 3 * PAGE, 'dontneed'));
      if (seed % 3 === 0) it.spawn('unmap', it.machine.syscalls.munmap(it.process, gseg, 0x40000));
      if (seed % 3 === 1) it.spawn('close', it.device.close(it.process.handle));
      it.machine.runAll();
      expect([seed, it.broken(), it.machine.shutdown()]).toEqual([seed, [], []]);
      it.machine.close();
    }
  });
});
