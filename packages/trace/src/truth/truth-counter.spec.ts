import { AccessKind } from '../event-sink.ts';
import type { RecordingSummary } from '../recording.ts';
import { parseScript } from '../script/parse-script.ts';
import { plainAccess } from '../script/read-script.ts';
import type { TruthReport } from './truth-report.ts';
import { TruthCounter } from './truth-counter.ts';

const SUMMARY: RecordingSummary = {
  bytesRead: 0,
  totalBytes: 0,
  lines: 0,
  accesses: 0,
  images: [],
  forks: [],
  processSwitches: 0,
  failedCalls: { mmap: 2, execve: 1 },
  unsupportedCalls: {},
  threads: 1,
};

function counted(...lines: string[]): TruthReport {
  const counter = new TruthCounter();
  for (const event of parseScript(lines.join('\n'), 'a.mm').events) {
    const access = plainAccess(event);
    if (access === undefined) counter.event(event, 'call');
    else counter.access(access.process, access.kind, access.address, access.size);
  }
  return counter.report(SUMMARY);
}

const RW = 'p1 mmap 0x10000 64K rw private,anonymous,fixed = 0x10000';

describe('the counter', () => {
  it('moves touched pages with mremap', () => {
    const report = counted(
      RW,
      'p1 store 0x10000 8',
      'p1 mremap 0x10000 64K 128K maymove = 0x90000',
      'p1 munmap 0x90000 128K',
    );
    expect(report).toMatchObject({ mremapMovedTouched: 1, touchedThenUnmapped: 1 });
    expect(report.events['mremap.moved']).toEqual({ ok: 1, failed: 0 });
  });

  it('unmaps what mremap cuts off', () => {
    expect(counted(RW, 'p1 store 0x11000 8', 'p1 mremap 0x10000 64K 4K - = 0x10000').touchedThenUnmapped).toBe(1);
  });

  it('says which accesses nothing maps, or nothing allows', () => {
    const report = counted(
      RW,
      'p1 fetch 0x10000 8',
      'p1 load 0x90000 8',
      'p1 mprotect 0x10000 4K r',
      'p1 store 0x10000 8',
      'p1 mprotect 0x10000 4K -',
      'p1 load 0x10000 8',
    );
    expect(report.protection).toEqual({ writeToReadOnly: 1, fetchFromNoExec: 1, accessToNone: 1 });
    expect(report.outsideAnyMapping.unexplained).toBe(1);
    expect(report.samples).toEqual(['p1 90000']);
  });

  it('lets a stack grow down, eight megabytes and no further', () => {
    const stack = 'p1 mmap 0x10000000 8K rw private,anonymous,fixed,growsdown,stack = 0x10000000';
    const report = counted(stack, 'p1 store 0xfffd000 8', 'p1 store 0xf000000 8');
    expect(report.outsideAnyMapping).toEqual({ stackGrowth: 1, stackGrowthPages: 3, unexplained: 1 });
  });

  it('sees pages come back after MADV_DONTNEED', () => {
    const report = counted(
      RW,
      'p1 store 0x10000 8',
      'p1 madvise 0x10000 64K dontneed',
      'p1 load 0x10000 8',
      'p1 load 0x10000 8',
    );
    expect(report).toMatchObject({ dontneedTouched: 1, retouchedAfterDiscard: 1 });
  });

  it('counts copies after a fork, for each fork that shared the page', () => {
    const report = counted(
      RW,
      'p1 store 0x10000 8',
      'p1 store 0x11000 8',
      'p1 fork -> p2',
      'p1 fork -> p3',
      'p1 store 0x10000 8',
      'p2 store 0x10000 8',
    );
    const after = { cow: 2, writtenByParentAfter: 1, writtenByEither: 1 };
    expect(report.forks).toMatchObject([
      { ...after, writtenByChildAfter: 1, writtenByBoth: 1 },
      { ...after, writtenByChildAfter: 0, writtenByBoth: 0 },
    ]);
    expect(report.processes).toBe(3);
  });

  it('takes failures and threads from the reader', () => {
    const { events, threads } = counted(RW);
    expect(events['mmap']).toEqual({ ok: 1, failed: 2 });
    expect(events['execve.attempt']).toEqual({ ok: 0, failed: 1 });
    expect(events['clone.thread']).toEqual({ ok: 1, failed: 0 });
    expect(threads).toBe(2);
  });

  it('keeps what the kernel writes apart', () => {
    const counter = new TruthCounter();
    counter.access(1, AccessKind.kernelStore, 0x10ffc, 8);
    const report = counter.report(SUMMARY);
    expect(report.kernelBufferWrites).toEqual({ calls: 1, bytes: 8, pages: 2 });
    expect(report.accesses.total).toBe(0);
  });

  it('ignores what dead processes are said to do', () => {
    expect(counted('p1 exit', RW).events).not.toHaveProperty('mmap.fixed');
  });
});

describe('addresses that only a runner knows', () => {
  it('are left out', () => {
    expect(counted(`${RW} -> a`, 'p1 store 0x10000 8', 'p1 munmap $a 64K').touchedThenUnmapped).toBe(0);
  });
});
