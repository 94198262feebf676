/**
 * Real recordings, under pressure and with KVM attached: everything is replayed, no oracle finds anything, every load is
 * verified, and all counts are those of the ground truth.
 *
 * The bundled recording is always there. Others are looked for in `MMU_NOTIFIER_TRACES`, or in `../shared/traces` beside
 * the repository, at 25 % of their memory; with `MMU_NOTIFIER_ALL_SIZES=1` at 50 % and 100 % too.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ReplayReport } from '../src/replay/report.ts';
import { command } from './command.ts';

const ROOT = join(__dirname, '../../..');
const FOLDER = process.env['MMU_NOTIFIER_TRACES'] ?? join(ROOT, '../shared/traces');
const SIZES = process.env['MMU_NOTIFIER_ALL_SIZES'] === '1' ? ['25%', '50%', '100%'] : ['25%'];
const BUNDLED = { name: 'redis (bundled)', path: join(ROOT, 'packages/trace/recordings/redis/lackey.txt.xz') };

function recordings(): { name: string; path: string }[] {
  const others = ['gcc', 'ls', 'python', 'redis', 'sqlite', 'xz'].map((name) => ({
    name,
    path: join(FOLDER, name, 'lackey.txt.xz'),
  }));
  const found = others.filter(({ path }) => existsSync(path));
  if (found.length < others.length) {
    const missing = others.filter((other) => !found.includes(other)).map(({ name }) => name);
    process.stderr.write(`Skipped, for they are not in ${FOLDER}: recordings of ${missing.join(', ')}.\n`);
  }
  // The bundled recording is one of them.
  return found.some(({ name }) => name === 'redis') ? found : [BUNDLED, ...found];
}

const runs = recordings().flatMap(({ name, path }) => SIZES.map((ram) => ({ name, path, ram })));

describe.each(runs)('$name at $ram', ({ path, ram }) => {
  it('ends with status 0, all data verified, and the counts of the ground truth', async () => {
    const { code, out, err } = await command('replay', path, '--attach', 'kvm', '--ram', ram, '--json');
    const report = JSON.parse(out) as ReplayReport;
    expect(report).toMatchObject({
      outcome: { kind: 'complete' },
      violations: [],
      differences: { count: 0, first: [] },
      groundTruth: { equal: true, differences: [] },
    });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(report.events.replayed).toBe(report.events.total);
    expect(report.events.leftOut).toEqual({});
    expectVerified(report);
    expectPressure(report, ram);
  });
});

/** Every load of the recording was compared, by whoever it was made. */
function expectVerified({ counts, accesses }: ReplayReport): void {
  const { load, modify, instructionFetch } = counts.accesses;
  expect(accesses.verifiedLoads).toBeGreaterThanOrEqual(load + modify + instructionFetch);
}

/** At 100 % everything fits; below, pages went out, came back, and the device lost and found its translations. */
function expectPressure({ swap, devices, notifier }: ReplayReport, ram: string): void {
  const [kvm] = devices;
  expect(kvm?.accesses).toBeGreaterThan(0);
  expect(notifier.calls['starts']).toBe(notifier.calls['ends']);
  if (ram === '100%') expect(swap).toMatchObject({ pagesOut: 0, pagesIn: 0 });
  else {
    expect(swap['pagesOut']).toBeGreaterThan(0);
    expect(kvm?.translationsInvalidated).toBeGreaterThan(0);
    expect(kvm?.translationsRefaulted).toBeGreaterThan(0);
  }
}
