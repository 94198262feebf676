/** GRU by its name: in scripts, and beside KVM in a replay. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplayReport } from '../src/replay/report.ts';
import { Scratch, command } from './command.ts';

const ROOT = join(__dirname, '../../..');
const BUNDLED = join(ROOT, 'packages/trace/recordings/redis/lackey.txt.xz');
const scratch = new Scratch();
afterAll(() => scratch.remove());

describe('run', () => {
  const example = readFileSync(join(ROOT, 'docs/examples/gru.mm'), 'utf8');

  it('gives instructions to the copy engine', async () => {
    const { code, lines, err } = await command('run', scratch.file('gru.mm', example));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const results = new Map(lines.map((answer) => [answer['line'], answer['result']]));
    expect([6, 7, 8].map((line) => results.get(line))).toEqual(['01020304', '0x0', '0x28']);
  });

  it('finds nothing in any of 200 orders', async () => {
    const { code, out } = await command('run', scratch.file('gru.mm', example), '--seeds', '200');
    expect([code, JSON.parse(out)]).toMatchObject([0, { seeds: 200, violations: [] }]);
  });

  it.each([
    ['{"pin":true}', 'driver gru: gru: found option "pin", expected blades, tlbEntries'],
    ['{"tlbEntries":5}', 'driver gru: gru: tlbEntries is a power of two up to 65536, found 5'],
  ])('refuses options in one line: %s', async (options, message) => {
    const { code, err } = await command('run', scratch.file('bad.mm', `machine attach gru0 gru p1 ${options}\n`));
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

describe('replay', () => {
  it.each(['gru', 'kvm,gru'])('with %s on a quarter of the memory ends with everything verified', async (drivers) => {
    const { code, out, err } = await command('replay', BUNDLED, '--attach', drivers, '--ram', '25%', '--json');
    const report = JSON.parse(out) as ReplayReport;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(report).toMatchObject({
      outcome: { kind: 'complete' },
      violations: [],
      differences: { count: 0 },
      groundTruth: { equal: true },
    });
    const { counters = {}, ...device } = report.devices.find(({ name }) => name === 'gru') ?? {};
    expect(device).toMatchObject({ translationsLive: 0 });
    expect(counters['tlb_dropin']).toBeGreaterThan(1000);
    expect(counters['mmu_invalidate_range']).toBe(counters['flush_tlb']);
    expect(report.pins.taken).toBe(0);
  });
});
