import { TraceError } from '../trace-error.ts';
import type { MmEvent } from '../event.ts';
import { parseScript } from './parse-script.ts';

const parse = (...lines: string[]): readonly MmEvent[] => parseScript(lines.join('\n'), 'a.mm').events;

/** The error of a script, as it would be shown. */
function errorOf(...lines: string[]): string {
  try {
    parseScript(lines.join('\n'), 'a.mm');
  } catch (error) {
    expect(error).toBeInstanceOf(TraceError);
    expect((error as TraceError).message).not.toContain('\n');
    return (error as TraceError).message;
  }
  throw new Error('no error');
}

describe('a script', () => {
  it('may hold every verb of the event language', () => {
    const events = parse(
      '#! mm 1',
      'machine file libc.so 2M 7f454c46',
      'p1 mmap 0 16K rw private,anonymous = 0x100000000 -> a',
      'p1 mmap 0x200000000 0x1000 r-x private,fixed libc.so 0x1000 -> text',
      'p1 store $a+0x10 deadbeef',
      'p1 store $a 0x10',
      'p1 load $a+16 4 = deadbeef -> r0',
      'p1 modify $a 8',
      'p1 fetch $text 3 = SIGSEGV',
      'p1 mprotect $a 4K -',
      'p1 mremap $a 16K 32K maymove,fixed 0x300000000 -> b',
      'p1 mremap $b 32K 16K -',
      'p1 madvise $b 4K dontneed = EINVAL',
      'p1 brk 0',
      'p1 mlock $b 4K',
      'p1 munlock $b 4K',
      'p1 msync $b 4K sync,invalidate',
      'p1 mincore $b 8K',
      'p1 munmap $b 4K = 0',
      'p1 fork = p2 -> p2',
      'p2 exec',
      'p2 signal',
      'p2 maps',
      'p2 pagemap 0x1000 4K',
      'p2 rss',
      'p2 exit 3',
      'machine truncate libc.so 4K',
      'machine write libc.so 0 00ff',
      'machine sync libc.so',
      'machine attach kvm0 kvm p1 {"mode": "shadow", "note": "a # b"} -> dev  # a comment',
      'kvm0 load 0x1000 8',
      'kvm0 store 0x1000 00',
      'kvm0 translations',
      'kvm0 memslot 0 0x0 16M $b',
      'machine detach kvm0',
      'machine reclaim 16',
      'machine migrate p1 $b 4K',
      'machine compact',
      'machine ksm',
      'machine collapse p1 $b',
      'machine split p1 $b',
      'machine oom p1',
      'machine poison p1 $b',
      'machine stats',
      'machine check',
    );
    expect(events).toHaveLength(44);
    expect(events[1]).toEqual({
      actor: { kind: 'process', name: 'p1' },
      line: 3,
      verb: 'mmap',
      address: 0,
      length: 16384,
      protection: 'rw',
      flags: ['private', 'anonymous'],
      recorded: { kind: 'number', value: 0x100000000 },
      binding: 'a',
    });
    expect(events[2]).toMatchObject({ protection: 'rx', file: 'libc.so', offset: 4096 });
    expect(events[28]).toMatchObject({ options: { mode: 'shadow', note: 'a # b' }, binding: 'dev' });
    expect(events[32]).toMatchObject({ action: 'memslot', arguments: ['0', '0x0', '16M', { name: 'b', offset: 0 }] });
  });

  it('stores bytes for an even number of hex digits, and a size for any other number', () => {
    const [bytes, even, size, hexSize] = parse('p1 store 0 0a0b', 'p1 store 0 10', 'p1 store 0 8', 'p1 store 0 0x10');
    expect(bytes).toMatchObject({ size: 2, data: new Uint8Array([10, 11]) });
    expect(even).toMatchObject({ size: 1, data: new Uint8Array([0x10]) });
    expect(size).toMatchObject({ size: 8 });
    expect(hexSize).toMatchObject({ size: 16 });
    expect(size).not.toHaveProperty('data');
  });

  it('skips blank lines and comments, with any line ends and a byte order mark', () => {
    const { events } = parseScript('\uFEFF#! mm 1\r\n\r\n  # nothing\r\np1 rss # resident\r\n', 'a.mm');
    expect(events).toEqual([{ actor: { kind: 'process', name: 'p1' }, verb: 'rss', line: 4 }]);
  });

  it.each([
    [['p1 jump 0'], 'a.mm:1:4: found "jump", expected a verb of a process: load, store'],
    [['machine dance'], 'a.mm:1:9: found "dance", expected a verb of the machine: file'],
    [['kvm0 load 0 8'], 'a.mm:1:1: found "kvm0", expected a process (p1, p2, …), machine or an attached device'],
    [['p1 load'], 'a.mm:1:9: found the end of the line, expected an address'],
    [['p1 load 0x1000'], 'a.mm:1:16: found the end of the line, expected a size'],
    [['p1 load 0x1000 0'], 'a.mm:1:16: found "0", expected a size above 0'],
    [['p1 load 0x1000 8 8'], 'a.mm:1:18: found "8", expected the end of the line, = VALUE or -> NAME'],
    [['p1 load 0x1000 8T'], 'a.mm:1:16: found "8T", expected a size (decimal, 0x…, or with K, M, G)'],
    [['p1 load 0xfffffffffffff 8'], 'a.mm:1:9: found "0xfffffffffffff", expected an address up to 2^47'],
    [['p1 load 99999999999999999999 8'], 'a.mm:1:9: found "99999999999999999999", expected an address'],
    [['p1 store 0 abc'], 'a.mm:1:12: found "abc", expected bytes (an even number of hex digits) or a size'],
    [['p1 mmap 0 4K rwz private'], 'a.mm:1:14: found "rwz", expected a protection (letters of rwx, or -)'],
    [['p1 mmap 0 4K rw private,anonymus'], 'a.mm:1:25: found "anonymus", expected mmap flag: private, shared'],
    [['p1 mmap 0 4K rw anonymous'], 'a.mm:1:17: found "anonymous", expected either private or shared'],
    [['p1 mmap 0 4K rw'], 'a.mm:1:17: found the end of the line, expected mmap flag: private, shared'],
    [['p1 mmap 0 4K rw private'], 'a.mm:1:25: found the end of the line, expected a file name (or the flag anonymous)'],
    [['p1 mmap 0 4K rw private,private'], 'a.mm:1:25: found "private", expected each of the mmap flags once'],
    [['p1 madvise 0 4K please'], 'a.mm:1:17: found "please", expected advice: dontneed, free'],
    [['p1 mremap 0 4K 8K fixed'], 'a.mm:1:25: found the end of the line, expected a new address (flag fixed)'],
    [['p1 load $b 8'], 'a.mm:1:9: found "$b", expected a name that an earlier line binds with -> b'],
    [['p1 load $b*2 8'], 'a.mm:1:9: found "$b*2", expected $name, $name+number or $name-number'],
    [['p1 rss -> 7'], 'a.mm:1:11: found "7", expected a name for the result (letters, digits and _)'],
    [['p1 exit 256'], 'a.mm:1:9: found "256", expected an exit status from 0 to 255'],
    [['machine attach kvm0 kvm p1 {"a":'], 'a.mm:1:28: found "{\\"a\\":", expected options of the plugin as JSON'],
    [['machine attach p2 kvm p1'], 'a.mm:1:16: found "p2", expected a name that is no process and not machine'],
    [['machine attach kvm0 kvm child'], 'a.mm:1:25: found "child", expected a process (p1, p2, …)'],
    [['machine detach kvm0'], 'a.mm:1:16: found "kvm0", expected an attached device'],
    [['machine write f 0 abc'], 'a.mm:1:19: found "abc", expected bytes (an even number of hex digits)'],
    [['machine file f 1 aabb'], 'a.mm:1:18: found "aabb", expected at most 1 bytes'],
    [['#! mm 2'], 'a.mm:1:1: found version "2" of the event language, expected #! mm 1'],
    [['p1 mincore 0 0xffffffffffffffff'], 'a.mm:1:14: found "0xffffffffffffffff", expected a length up to 2^47'],
    [['p1 mincore 0 99999999999999G'], 'expected a length up to 2^47'],
    [['p1 mincore 0'], 'a.mm:1:14: found the end of the line, expected a length'],
    [['p1'], 'a.mm:1:4: found the end of the line, expected a verb'],
  ])('that says %j is refused with line and column', (lines, message) => {
    expect(errorOf(...lines)).toContain(message);
  });

  it('names the line of the trouble, not the first', () => {
    expect(errorOf('p1 rss', '', 'p1 lod 0 8')).toMatch(/^a\.mm:3:4: /);
  });
});

describe('names of processes', () => {
  it('may be chosen by fork', () => {
    const events = parse('p1 fork -> child', 'child load 0x1000 8', 'machine oom child');
    expect(events[1]).toMatchObject({ actor: { kind: 'process', name: 'child' } });
  });

  it('may be written as what they are, bound names', () => {
    const events = parse('p1 fork -> child', '$child load 0x1000 8', 'machine attach kvm0 kvm $child');
    expect(events[1]).toMatchObject({ actor: { kind: 'process', name: 'child' } });
    expect(events[2]).toMatchObject({ verb: 'attach', process: 'child' });
  });

  it('must be bound before they act', () => {
    expect(errorOf('child load 0x1000 8', 'p1 fork -> child')).toContain('a.mm:1:1: found "child"');
  });

  it('need no binding when they are numbered: whether p9 lives is known when the script runs', () => {
    expect(parse('p9 rss')).toHaveLength(1);
  });
});

describe('tasks', () => {
  it('stand between set-up and closing lines', () => {
    const script = parseScript('p1 brk 0 -> a\n@x p1 load $a 1 -> r0\n@1 p1 store $a 00\np1 rss\n', 'a.mm');
    expect(script.tasks).toEqual(['x', '1']);
    expect(script.events.map(({ task }) => task)).toEqual([undefined, 'x', '1', undefined]);
  });

  it('leave no room for a line without a task between them', () => {
    expect(errorOf('@0 p1 rss', 'p1 maps', '@1 p1 rss')).toBe(
      'a.mm:2:1: found a line without @TASK before @1 of line 3, expected @TASK on every line between the first and the last task',
    );
  });

  it("do not see each other's names, since nobody knows who comes first", () => {
    const lines = ['@0 p1 load 0 1 -> r0', '@1 p1 load $r0 1'];
    expect(errorOf(...lines)).toContain(
      'a.mm:2:12: found "$r0", expected a name of the set-up or of task @1 (task @0 binds it)',
    );
  });

  it('do not bind the same name', () => {
    expect(errorOf('@0 p1 load 0 1 -> r0', '@1 p1 load 0 1 -> r0')).toContain(
      'expected a name that task @0 has not bound',
    );
  });

  it('need a name', () => {
    expect(errorOf('@ p1 rss')).toContain('a.mm:1:1: found "@", expected @TASK');
  });
});

describe('verdicts', () => {
  const setUp = ['@0 p1 load 0 1 -> r0', '@1 p1 load 0 1 -> r1'];
  const verdictOf = (line: string): unknown => {
    const [verdict] = parseScript([...setUp, line].join('\n'), 'a.mm').verdicts;
    return verdict?.kind === 'expect' ? verdict.oracle : verdict?.condition;
  };

  it('bind not before and before or', () => {
    expect(verdictOf('forbid $r0 == 01 or not $r1 == 00 and $r0 == EFAULT')).toEqual({
      op: 'or',
      left: { op: 'equals', name: 'r0', value: { kind: 'bytes', hex: '01' } },
      right: {
        op: 'and',
        left: { op: 'not', operand: { op: 'equals', name: 'r1', value: { kind: 'bytes', hex: '00' } } },
        right: { op: 'equals', name: 'r0', value: { kind: 'errno', name: 'EFAULT' } },
      },
    });
  });

  it('compare with bytes, addresses, errnos, signals, words of a device and other names', () => {
    const kinds = ['01', '0x1000', 'EFAULT', 'SIGBUS', '"page-fault 0x7"', '$r1'].map((value) => {
      return (verdictOf(`require $r0==${value}`) as { value: { kind: string } }).value.kind;
    });
    expect(kinds).toEqual(['bytes', 'number', 'errno', 'signal', 'words', 'reference']);
  });

  it.each([
    ['forbid', 'a.mm:3:8: found the end of the line, expected $name, not or ('],
    ['forbid $r0 = 01', 'a.mm:3:12: found "=", expected =='],
    ['forbid ($r0 == 01', 'a.mm:3:19: found the end of the line, expected )'],
    ['forbid $r0 == 01 $r1', 'a.mm:3:18: found "$r1", expected and, or, or the end of the line'],
    ['forbid $r9 == 01', 'a.mm:3:8: found "$r9", expected a name that an earlier line binds with -> r9'],
    ['forbid $r0 == "mmio', 'a.mm:3:15: found "\\"mmio", expected bytes'],
    ['forbid $r0 == 1', 'a.mm:3:15: found "1", expected bytes'],
    [`forbid ${'('.repeat(200)}`, 'expected at most 100 parentheses'],
  ])('like %j are refused', (line, message) => {
    expect(errorOf(...setUp, line)).toContain(message);
  });

  it('come after the events', () => {
    expect(errorOf(...setUp, 'exists $r0 == 01', 'p1 rss')).toContain(
      'a.mm:4:1: found "p1", expected no event after a verdict',
    );
  });
});
