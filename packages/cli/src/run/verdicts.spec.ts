import { parseScript } from '@mmu-notifier/trace';
import { Bindings } from './bindings.ts';
import type { BoundValue } from './outcome.ts';
import { judge } from './verdicts.ts';

const SCRIPT = `p1 load 0x1000 1 -> r0
p1 load 0x2000 1 -> r1
p1 mmap 0 4K rw private,anonymous -> a
p1 fork -> child
`;

function judged(line: string, values: Record<string, BoundValue>): ReturnType<typeof judge> {
  const bindings = new Bindings();
  for (const [name, value] of Object.entries(values)) bindings.bind(name, value);
  const [verdict] = parseScript(SCRIPT + line + '\n', 'test.mm').verdicts;
  if (verdict === undefined || verdict.kind === 'expect') throw new Error('expected a condition');
  return judge(verdict, bindings);
}

const bytes = (hex: string): BoundValue => ({ kind: 'bytes', hex });
const number = (value: number): BoundValue => ({ kind: 'number', value });

describe('verdicts', () => {
  it('forbid is broken by a run that ends so, and says with which values', () => {
    const values = { r0: bytes('01'), r1: bytes('00') };
    expect(judged('forbid $r0 == 01 and $r1 == 00', values)).toEqual({
      line: 5,
      verdict: 'forbid',
      holds: false,
      violation: { oracle: 'forbid', message: 'line 5 forbids ($r0 == 01 and $r1 == 00); $r0 is 01, $r1 is 00' },
    });
    expect(judged('forbid $r0 == 02', values)).toEqual({ line: 5, verdict: 'forbid', holds: true });
  });

  it('require is broken by a run that does not', () => {
    expect(judged('require $r0 == 01 or $r0 == EFAULT', { r0: { kind: 'errno', name: 'EFAULT' } })).toMatchObject({
      holds: true,
    });
    expect(judged('require not $r0 == 01', { r0: bytes('01') })).toMatchObject({
      holds: false,
      violation: { message: 'line 5 requires not $r0 == 01; $r0 is 01' },
    });
  });

  it('exists only says what this run saw', () => {
    expect(judged('exists $r0 == SIGSEGV', { r0: { kind: 'signal', name: 'SIGSEGV' } })).toEqual({
      line: 5,
      verdict: 'exists',
      seen: true,
    });
    expect(judged('exists $r0 == 02', { r0: bytes('01') })).toEqual({ line: 5, verdict: 'exists', seen: false });
  });

  it('compares with another name, and with an offset from it', () => {
    expect(judged('require $r0 == $r1', { r0: bytes('0a'), r1: bytes('0a') })).toMatchObject({ holds: true });
    expect(judged('require $r0 == $a+0x1000', { r0: number(0x3000), a: number(0x2000) })).toMatchObject({
      holds: true,
    });
    expect(judged('require $r0 == $a', { r0: bytes('00'), a: number(0) })).toMatchObject({ holds: false });
  });

  it('equals nothing where nothing was answered', () => {
    expect(judged('require $r0 == $r1', {})).toMatchObject({ holds: false });
    expect(judged('forbid $r0 == $r1', { r0: { kind: 'none' }, r1: { kind: 'none' } })).toMatchObject({ holds: true });
  });
});
