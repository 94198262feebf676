/** `run`, files with tasks: one interleaving per seed, the same on every machine. */
import { withoutGuard } from '@mmu-notifier/kvm/testing';
import { Scratch, command } from './command.ts';

const scratch = new Scratch();
afterAll(() => scratch.remove());

const RACE = `
# A guest reads a page while its process gives it up.
p1 mmap 0x100000000 16K rw private,anonymous,fixed -> a
p1 store $a 01
machine attach kvm0 kvm p1
@guest kvm0 load $a 1 -> r0
@host  p1 madvise $a 4K dontneed -> r1
kvm0 load $a 1 -> end
require $r0 == 01 or $r0 == 00
require $end == 00
exists $r0 == 00
exists $r0 == 01
`;

const script = (content: string): string => scratch.file('race.mm', content);

interface Summary {
  readonly seeds: number;
  readonly violations: readonly { readonly seed: number; readonly violation: { readonly oracle: string } }[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly exists: readonly { readonly line: number; readonly seen: number }[];
}

async function seeds(content: string, ...flags: string[]): Promise<{ code: number; err: string; summary: Summary }> {
  const { code, out, err } = await command('run', script(content), ...flags);
  return { code, err, summary: JSON.parse(out) as Summary };
}

describe('a file with tasks', () => {
  it('runs set-up lines, the tasks at once, then closing lines and verdicts', async () => {
    const { code, lines } = await command('run', script(RACE));
    expect(code).toBe(0);
    const [setUp, tasks, after] = [lines.slice(0, 3), lines.slice(3, 5), lines.slice(5)];
    expect(setUp.map(({ line }) => line)).toEqual([3, 4, 5]);
    expect(tasks.map(({ task }) => task).sort()).toEqual(['guest', 'host']);
    expect(after).toEqual([
      { line: 8, result: '00' },
      { line: 9, verdict: 'require', holds: true },
      { line: 10, verdict: 'require', holds: true },
      { line: 11, verdict: 'exists', seen: expect.any(Boolean) as boolean },
      { line: 12, verdict: 'exists', seen: expect.any(Boolean) as boolean },
    ]);
  });

  it('runs the same for the same seed', async () => {
    const first = await command('run', script(RACE), '--seed', '7');
    expect((await command('run', script(RACE), '--seed', '7')).out).toBe(first.out);
  });

  it('finds no violation under a thousand seeds, and both ways in which it can end', async () => {
    const { code, summary } = await seeds(RACE, '--seeds', '1000');
    expect({ code, seeds: summary.seeds, violations: summary.violations }).toEqual({
      code: 0,
      seeds: 1000,
      violations: [],
    });
    expect(Object.keys(summary.outcomes)).toEqual(
      expect.arrayContaining(['a=0x100000000 end=00 r0=00 r1=0x0', 'a=0x100000000 end=00 r0=01 r1=0x0']),
    );
    expect(Object.values(summary.outcomes).reduce((sum, n) => sum + n, 0)).toBe(1000);
    for (const { seen } of summary.exists) expect(seen).toBeGreaterThan(0);
  });

  it('catches a driver without its sequence check, and says how to see it again', async () => {
    const restore = withoutGuard('sequence-check');
    try {
      const { code, err, summary } = await seeds(RACE, '--seeds', '1000');
      expect(code).toBe(1);
      const [{ seed }] = summary.violations as [Summary['violations'][number]];
      expect(summary.seeds).toBe(seed);
      expect(err).toMatch(`violation under seed ${seed}: `);
      expect(err).toMatch(`rerun: mmu-notifier run ${scratch.path}/race.mm --seed ${seed}\n`);
      const again = await command('run', script(RACE), '--seed', String(seed));
      expect(again.code).toBe(1);
      expect(again.lines.at(-1)).toMatchObject({ violation: { oracle: summary.violations[0]?.violation.oracle } });
      expect(again.err).toMatch(/^violation: [^\n]+\ninterleaving: [^\n]*(guest|host)/);
    } finally {
      restore();
    }
  });

  it('goes on after a violation where it is told to', async () => {
    const { code, summary } = await seeds(RACE + 'forbid $r0 == 00\n', '--seeds', '100', '--keep-going', '--seed', '5');
    expect({ code, seeds: summary.seeds }).toEqual({ code: 1, seeds: 100 });
    expect(summary.violations.length).toBeGreaterThan(1);
    expect(Math.min(...summary.violations.map(({ seed }) => seed))).toBeGreaterThanOrEqual(5);
  });

  it('shows how far it is where it is told to', async () => {
    const { err } = await command('run', script(RACE), '--seeds', '30', '--progress');
    // Quicker than the first line is due.
    expect(err).toBe('');
  });
});
