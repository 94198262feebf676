import type { RecordedAging, RecordedFault, RecordedInvalidation } from '../event-sink.ts';
import { Collector } from '../../test/collect.ts';
import { PerfScriptImporter } from './importer.ts';

/** What the importer says, in one list. */
class KernelCollector extends Collector {
  recordedFault({ line, by, access, present }: RecordedFault): void {
    this.lines.push(`fault ${line} ${by} ${access}${present ? ' present' : ''}`);
  }

  recordedInvalidation({ line, process, start, end, cause }: RecordedInvalidation): void {
    this.lines.push(`drop ${line} p${process} ${start.toString(16)}-${end.toString(16)} ${cause.name} ${cause.line}`);
  }

  recordedAging({ line, start, how }: RecordedAging): void {
    this.lines.push(`age ${line} ${start.toString(16)} ${how}`);
  }
}

const IMAGE = [
  'ls 7/7 1.0: PERF_RECORD_COMM exec: ls:7/7',
  'ls 7/7 1.1: PERF_RECORD_MMAP2 7/7: [0x7ffc00000000(0x21000) @ 0x7ffffffde000 00:00 0 0]: rw-p [stack]',
  'ls 7/7 1.2: PERF_RECORD_MMAP2 7/7: [0x400000(0x5000) @ 0 fe:00 26 0]: r--p /usr/bin/ls',
  'ls 7/7 1.3: PERF_RECORD_MMAP2 7/7: [0x402000(0x2000) @ 0x2000 fe:00 26 0]: rw-p /usr/bin/ls',
  'ls 7/7 1.4: exceptions:page_fault_kernel: address=0x7ffc0001f008 ip=_copy_to_user error_code=0x2',
  'ls 7/7 1.5: syscalls:sys_exit_execve: 0x0',
];
const IMAGE_EVENTS = [
  'p1 mmap 0x7ffc00000000 0x21000 rw private,fixed,anonymous,growsdown,stack = 0x7ffc00000000',
  'machine file /usr/bin/ls 0x5000',
  'p1 mmap 0x400000 0x5000 r private,fixed /usr/bin/ls 0x0 = 0x400000',
  'p1 munmap 0x402000 0x3000',
  'p1 mmap 0x402000 0x2000 rw private,fixed /usr/bin/ls 0x2000 = 0x402000',
  'p1 kernelStore 0x7ffc00020000 4096',
  'fault 5 kernel write',
  'p1 kernelStore 0x7ffc0001f008 1',
];

function run(...lines: string[]): { importer: PerfScriptImporter; lines: string[] } {
  const collector = new KernelCollector();
  const importer = new PerfScriptImporter('log', collector);
  for (const line of [...IMAGE, ...lines]) importer.line(line);
  importer.finish();
  expect(collector.lines.slice(0, IMAGE_EVENTS.length)).toEqual(IMAGE_EVENTS);
  return { importer, lines: collector.lines.slice(IMAGE_EVENTS.length) };
}

const call = (name: string, args: string, result: string, thread = '7/7', between: string[] = []): string[] => [
  `ls ${thread} 2.0: syscalls:sys_enter_${name}: ${args}`,
  ...between.map((event) => `ls ${thread} 2.1: ${event}`),
  `ls ${thread} 2.2: syscalls:sys_exit_${name}: ${result}`,
];

describe('an image', () => {
  it('has the mappings that the kernel announced, without what the loader took away again, and its strings', () => {
    expect(run().importer.summary().images).toEqual([{ process: 1, pid: 7, command: 'ls', end: 'open' }]);
  });
});

describe('calls', () => {
  it('happen where they end, and belong to the line on which they began', () => {
    const mapped = 'PERF_RECORD_MMAP2 7/7: [0x7f0000000000(0x2000) @ 0x1000 fe:00 99 5]: r--p /srv/a file (deleted)';
    const args =
      'addr: 0x00000000, len: 0x00001800, prot: 0x00000001, flags: 0x00000002, fd: 0x00000003, off: 0x00001000';
    const collector = new KernelCollector();
    const importer = new PerfScriptImporter('log', collector);
    for (const line of [...IMAGE, ...call('mmap', args, '0x7f0000000000', '7/7', [mapped])]) importer.line(line);
    expect(collector.lines.slice(-2)).toEqual([
      'machine file /srv/a%20file 0x3000',
      'p1 mmap 0x0 0x1800 r private /srv/a%20file 0x1000 = 0x7f0000000000',
    ]);
    expect(collector.events.at(-1)?.line).toBe(IMAGE.length + 1);
  });

  it('that failed are left out and counted; those of two threads do not mix', () => {
    const [enter, leave] = call('munmap', 'addr: 0x400000, len: 0x1000', '0x0');
    const failed = call(
      'mmap',
      'addr: 0x0, len: 0x0, prot: 0x3, flags: 0x22, fd: 0xffffffff, off: 0x0',
      '0xffffffffffffffea',
      '7/8',
    );
    const { importer, lines } = run(enter as string, ...failed, leave as string);
    expect(lines).toEqual(['p1 munmap 0x400000 0x1000']);
    expect(importer.summary().failedCalls).toEqual({ mmap: 1 });
  });

  it('that succeed with a range beyond all memory are counted, and left out', () => {
    const { importer, lines } = run(...call('mlock', 'start: 0x00000000, len: 0xffffffffffffffff', '0x0'));
    expect(lines).toEqual([]);
    expect(importer.summary().unsupportedCalls).toEqual({ 'mlock of an impossible range': 1 });
  });
});

describe('processes', () => {
  const fork = 'PERF_RECORD_FORK(9:9):(7:7)';

  it('are forked where the kernel announces them, executed, and ended', () => {
    const { importer, lines } = run(
      ...call('clone', 'clone_flags: 0x01200011, newsp: 0x0', '0x9', '7/7', [fork]),
      'ls 9/9 2.3: syscalls:sys_exit_clone: 0x0',
      'as 9/9 2.4: PERF_RECORD_COMM exec: as:9/9',
      'as 9/9 2.5: syscalls:sys_enter_exit_group: error_code: 0x00000002',
      'as 9/9 2.6: sched:sched_process_exit: comm=as pid=9 prio=120 group_dead=true',
    );
    expect(lines).toEqual(['p1 fork -> p2', 'p2 exec', 'p2 exit 2']);
    expect(importer.summary().forks).toEqual([{ parent: 7, child: 9, flags: '1200011' }]);
  });

  it('share the address space of the parent after vfork; threads always do', () => {
    const { importer, lines } = run(
      ...call('vfork', '', '0x9', '7/7', [fork]),
      'ls 7/7 3.0: PERF_RECORD_FORK(7:8):(7:7)',
    );
    expect(lines).toEqual(['p1 vfork -> p2']);
    expect(importer.summary().threads).toBe(1);
  });
});

describe('what the kernel did', () => {
  const dropped = 'kvm:kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000402000 -- 0x00000000403000';

  it('belongs to the fault whose page it covers, whatever its other bounds', () => {
    const { lines } = run(
      'ls 7/7 2.0: exceptions:page_fault_user: address=0x402010 ip=0x400000 error_code=0x7',
      'ls 7/7 2.1: kvm:kvm_unmap_hva_range: mmu notifier unmap range: 0x00000000401000 -- 0x00000000404000',
    );
    expect(lines).toContain('drop 8 p1 401000-404000 fault 7');
  });

  it('belongs to the fault of that page, to the call, or to nobody', () => {
    const { lines } = run(
      'ls 7/7 2.0: exceptions:page_fault_user: address=0x402010 ip=0x400000 error_code=0x7',
      `ls 7/7 2.1: ${dropped}`,
      'ls 7/7 2.2: exceptions:page_fault_user: address=0x401010 ip=0x401010 error_code=0x14',
      `ls 7/7 2.3: ${dropped}`,
      ...call('munmap', 'addr: 0x402000, len: 0x1000', '0x0', '7/7', [dropped]),
      'ls 7/7 2.4: kvm:kvm_age_hva: mmu notifier age hva: 0x00000000401000 -- 0x00000000402000',
      'ls 7/7 2.5: kvm:kvm_test_age_hva: mmu notifier test age hva: 0x00000000401000',
    );
    expect(lines).toEqual([
      'fault 7 user write present',
      'p1 store 0x402010 1',
      'drop 8 p1 402000-403000 fault 7',
      'fault 9 user fetch',
      'p1 fetch 0x401010 1',
      'drop 10 p1 402000-403000 other 10',
      'drop 12 p1 402000-403000 munmap 11',
      'p1 munmap 0x402000 0x1000',
      'age 14 401000 clear',
      'age 15 401000 test',
    ]);
  });
});

describe('a damaged recording', () => {
  it.each([
    ['prose', 'Dear reader', /^log:7:1: found "Dear reader", expected a line of perf script/],
    [
      'half a line',
      'ls 7/7 2.0: exceptions:page_fault_user: address=0x40',
      /^log:7:1: found .*, expected address=0x… ip=/,
    ],
    [
      'a mapping',
      'ls 7/7 2.0: PERF_RECORD_MMAP2 7/7: [0x400001(0x10) @ 0 fe:00 1 0]: r--p x',
      /expected a mapping: PID/,
    ],
    ['lost events', 'ls 7/7 2.0: PERF_RECORD_LOST lost 12', /expected a recording without lost events/],
    [
      'a stranger',
      'sh 8/8 2.0: syscalls:sys_enter_brk: brk: 0x0',
      /found an event of process 8, expected PERF_RECORD_COMM/,
    ],
    ['a result', 'ls 7/7 2.0: syscalls:sys_exit_brk: 0x0', /expected sys_enter_brk of thread 7 before it/],
    ['a callback', 'ls 7/7 2.0: kvm:kvm_unmap_hva_range: mmu', /expected mmu notifier …: 0xSTART -- 0xEND/],
  ])('is refused: %s', (_name, line, message) => {
    expect(() => run(line)).toThrow(message);
  });

  it('is refused when calls of a thread overlap, or have impossible results', () => {
    const [enter] = call('brk', 'brk: 0x0', '0x0');
    expect(() => run(enter as string, enter as string)).toThrow(/expected sys_exit_brk of thread 7/);
    expect(() => run(...call('munmap', 'addr: 0x800000001000, len: 0x1000', '0x0'))).toThrow(/below 2\^47/);
    expect(() => run(...call('brk', 'brk: 0x0', 'soon'))).toThrow(/expected the result of a call/);
  });
});
