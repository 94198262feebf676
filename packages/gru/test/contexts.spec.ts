/** Contexts: loaded, unloaded, stolen; ASIDs, their generations, and what a wrap does. */
import type { Process } from '@mmu-notifier/core';
import { withoutGuard } from '../src/testing.ts';
import { AREA, GruMachine, PAGE, violation } from './machine.ts';

function fork(it: GruMachine): Process {
  const child = it.run(it.machine.syscalls.fork(it.process));
  if (typeof child === 'string') throw new Error(child);
  return child;
}

function withPage(options = {}): GruMachine {
  const it = new GruMachine(options);
  it.map(4);
  it.poke(AREA, [1]);
  return it;
}

describe('a context', () => {
  it('is loaded when it is used, and its translations survive an unload', () => {
    const it = withPage();
    expect(it.stat('contexts_loaded')).toBe(0);
    it.load(AREA);
    expect(it.stat('contexts_loaded')).toBe(1);
    it.action('unload');
    expect([it.stat('contexts_loaded'), it.reachable()]).toEqual([0, ['0']]);
    it.load(AREA);
    expect([it.stat('asid_new'), it.stat('asid_reuse'), it.stat('tlb_dropin')]).toEqual([1, 1, 1]);
    expect(it.broken()).toEqual([]);
    it.expectClean();
  });

  it('that is unloaded gives its ASID up at an invalidation, and purges nothing', () => {
    const it = withPage();
    it.load(AREA);
    it.action('unload');
    it.run(it.machine.syscalls.madvise(it.process, AREA + 2 * PAGE, PAGE, 'dontneed'));
    expect([it.stat('flush_tlb_gru_zero_asid'), it.stat('flush_tlb_gru_tgh'), it.reachable()]).toEqual([1, 0, []]);
    it.load(AREA);
    expect(it.stat('asid_new')).toBe(2);
    it.expectClean();
  });

  it('that is loaded has ranges purged, page by page', () => {
    const it = withPage();
    for (let i = 0; i < 4; i++) it.store(AREA + i * PAGE, [i]);
    const before = it.stat('flush_tlb_gru_tgh');
    it.run(it.machine.syscalls.madvise(it.process, AREA + PAGE, 2 * PAGE, 'dontneed'));
    expect(it.reachable()).toEqual(['0w', '3w']);
    expect(it.stat('flush_tlb_gru_tgh')).toBe(before + 1);
    it.expectClean();
  });

  it('keeps its instruction and its data segment when it is stolen in the middle', () => {
    const it = withPage({ gru: { missMode: 'user-polling' } });
    it.action('start', 'vset', `0x${AREA.toString(16)}`, '12K', '77');
    it.action('steal');
    expect(it.stat('steal_user_context')).toBe(1);
    expect(it.action('wait', '0')).toBe('IDLE');
    expect(it.peek(AREA + 3 * PAGE - 1)).toEqual([0x77]);
    expect(it.action('statistics')).toContain('contextStolen=1');
    it.expectClean();
  });

  it('makes room for another one: all work, in turns', () => {
    const it = withPage({ gru: { controlBlocks: 128, dataSegmentBytes: 32768 } });
    const processes = [it.process, fork(it), fork(it), fork(it)];
    for (const process of processes.slice(1)) it.open(process);
    for (let round = 0; round < 2; round++) {
      for (const [i, process] of processes.entries()) {
        expect(it.store(AREA, [10 * round + i], process)).toBe('done');
        expect(it.peek(AREA, 1, process)).toEqual([10 * round + i]);
      }
    }
    expect(it.stat('steal_user_context')).toBeGreaterThan(3);
    expect(it.stat('contexts_loaded')).toBe(2);
    expect(it.broken()).toEqual([]);
    it.expectClean();
  });

  it('moves to the blade and chiplet that the process asks for', () => {
    const it = withPage({ gru: { blades: 2 } });
    it.load(AREA);
    expect(it.action('option', 'blade=1', 'chiplet=1')).toBeUndefined();
    expect([it.stat('check_context_unload'), it.stat('contexts_loaded')]).toEqual([1, 0]);
    expect(it.load(AREA)).toEqual([1]);
    expect(it.broken()).toEqual([]);
    it.expectClean();
  });

  it('on another chiplet holds a page of its own: purges go to both', () => {
    const it = withPage({ gru: { blades: 2 } });
    expect(it.action('create', 'blade=1')).toBe('1');
    expect(it.action('vload', `0x${AREA.toString(16)}`, '1')).toBe('01');
    expect(it.action('vload', `0x${AREA.toString(16)}`, '1', 'gseg=1')).toBe('01');
    expect(it.reachable()).toEqual(['0', '0']);
    expect(it.machine.check()).toEqual([]);
    it.run(it.machine.syscalls.munmap(it.process, AREA, PAGE));
    expect(it.reachable()).toEqual([]);
    expect(it.stat('flush_tlb_gru_tgh')).toBe(2);
    it.expectClean();
  });

  it('shares its address space with the context of a vfork child', () => {
    const it = withPage();
    const child = it.run(it.machine.syscalls.vfork(it.process));
    if (typeof child === 'string') throw new Error(child);
    it.open(child);
    expect([it.load(AREA), it.load(AREA, 1, child)]).toEqual([[1], [1]]);
    expect([it.stat('gms_alloc'), it.stat('gts_alloc')]).toEqual([1, 2]);
    it.run(it.machine.syscalls.exit(child), child);
    it.run(it.device.close(child.handle));
    expect([it.stat('gms_free'), it.load(AREA)]).toEqual([0, [1]]);
    it.expectClean();
  });

  it('of a process that has another program now is EIO', () => {
    const it = withPage();
    it.load(AREA);
    it.run(it.machine.syscalls.exec(it.process));
    expect(it.reachable()).toEqual([]);
    expect(it.load(AREA)).toBe('EIO');
    it.run(it.device.close(it.process.handle));
    it.open(it.process);
    expect(it.load(AREA)).toBe('EFAULT');
    it.expectClean();
  });

  it('is opened once for a process, for one that lives, with options that exist', () => {
    const it = withPage();
    const child = fork(it);
    const open = (process: Process, options?: unknown) => it.run(it.device.open(process.handle, options));
    expect(open(it.process)).toBe('EEXIST');
    expect([open(child, { controlBlocks: 1 }), open(child, 7)]).toEqual(['EINVAL', 'EINVAL']);
    it.run(it.machine.syscalls.exit(child), child);
    expect(open(child)).toBe('ESRCH');
    it.run(it.device.detach());
    expect([open(it.process), it.load(AREA)]).toEqual(['ENODEV', 'EIO']);
    it.expectClean();
  });
});

describe('release', () => {
  it('stops every context before the pages go', () => {
    const it = withPage();
    const child = fork(it);
    it.open(child);
    it.load(AREA, 1, child);
    it.run(it.machine.syscalls.exit(child), child);
    expect([it.stat('contexts_loaded'), it.reachable()]).toEqual([0, []]);
    expect(it.load(AREA, 1, child)).toBe('EFAULT');
    expect(it.broken()).toEqual([]);
    it.expectClean();
  });

  it('is needed: Linux has none since 5.5', () => {
    const restore = withoutGuard('release');
    try {
      const it = withPage();
      it.load(AREA);
      expect(violation(() => it.run(it.machine.syscalls.exit(it.process))).oracle).toBe('use-after-free');
    } finally {
      restore();
    }
  });
});

/** Has an address space take new ASIDs on chiplet 0, one after the other. */
function burnAsids(it: GruMachine, process: Process, count: number): void {
  for (let i = 0; i < count; i++) {
    expect(it.load(AREA, 1, process)).not.toBe('EIO');
    it.run(it.actionOf(process, 'unload'), process);
    it.run(it.machine.syscalls.madvise(process, AREA + 2 * PAGE, PAGE, 'dontneed'), process);
  }
}

describe('ASIDs that wrap', () => {
  const options = { gru: { maxAsid: 152, chiplet: 0 } };
  /** Lowest 8, in steps of 8, below 152. */
  const COUNT = 18;

  it('purge the TLB, and begin a new generation', () => {
    const it = withPage(options);
    burnAsids(it, it.process, COUNT);
    expect(it.stat('asid_wrap')).toBe(0);
    burnAsids(it, it.process, 1);
    expect([it.stat('asid_wrap'), it.broken()]).toEqual([1, []]);
    it.expectClean();
  });

  it('are needed to purge: an old entry would be hit', () => {
    const run = (): void => {
      const it = withPage(options);
      // The first ASID leaves an entry behind that nobody may use.
      burnAsids(it, it.process, COUNT);
      it.load(AREA);
    };
    run();
    const restore = withoutGuard('wrap-purge');
    try {
      expect(violation(run).oracle).toBe('ledger-misuse');
    } finally {
      restore();
    }
  });

  /** An unloaded context remembers ASID 8 of an old generation; another process has it by now. */
  function stale(): readonly unknown[] {
    const it = withPage(options);
    const child = fork(it);
    it.open(child);
    it.poke(AREA, [2], child);
    it.load(AREA);
    it.action('unload');
    burnAsids(it, child, COUNT - 1);
    expect(it.load(AREA, 1, child)).toEqual([2]);
    const seen = [it.load(AREA), it.broken()];
    if (it.broken().length === 0) it.expectClean();
    return seen;
  }

  it('make a context that was unloaded take a new one', () => {
    expect(stale()).toEqual([[1], []]);
  });

  it('are told apart by their generation: without it a process reads the memory of another', () => {
    const restore = withoutGuard('asid-generation');
    try {
      expect(stale()).toEqual([[2], [expect.stringContaining('both run with ASID 8')]]);
    } finally {
      restore();
    }
  });

  it('leave those of loaded contexts alone', () => {
    const it = withPage(options);
    const child = fork(it);
    it.open(child);
    it.load(AREA, 1, child);
    burnAsids(it, it.process, 3 * COUNT);
    expect([it.load(AREA, 1, child), it.stat('asid_wrap') > 1, it.broken()]).toEqual([[1], true, []]);
    it.expectClean();
  });
});

describe('a store', () => {
  /** The page is there, writable and clean, for the process said that it may go; the device stores, and memory is short. */
  function storeToClean(): void {
    const it = withPage();
    it.load(AREA);
    it.run(it.machine.syscalls.madvise(it.process, AREA, PAGE, 'free'));
    it.store(AREA, [9]);
    it.run(it.machine.reclaim(100));
    expect(it.peek(AREA)).toEqual([9]);
    it.expectClean();
  }

  it('to a clean page has it made dirty first, or reclaim would drop what was stored', () => {
    storeToClean();
    const restore = withoutGuard('dirty-check');
    try {
      expect(violation(storeToClean).oracle).toBe('data');
    } finally {
      restore();
    }
  });
});
