import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TruthReport } from '@mmu-notifier/trace';
import { compareGroundTruth, findGroundTruth } from './ground-truth.ts';
import type { MachineCounts } from './machine-counts.ts';

const folder = mkdtempSync(join(tmpdir(), 'mmu-notifier-truth-'));
afterAll(() => rmSync(folder, { recursive: true }));

const truthFile = (content: unknown): string => {
  const path = join(folder, 'lackey.truth.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

const NOTHING: MachineCounts = { events: {}, finalLayoutCheck: [] };
const counts = (part: object): TruthReport => part as TruthReport;

describe('ground truth', () => {
  it('stands beside the recording, named like it', () => {
    const path = truthFile({});
    expect(findGroundTruth(join(folder, 'lackey.txt.xz'))).toBe(path);
    expect(findGroundTruth(join(folder, 'lackey.mm'))).toBe(path);
    expect(findGroundTruth(join(folder, 'other.txt.xz'))).toBeUndefined();
  });

  it('is equal where every count that both sides have is', () => {
    const file = truthFile({ lines: 3, forks: [{ cow: 2 }], recorder: { window: 64 }, samples: ['a'] });
    const found = counts({ lines: 3, forks: [{ cow: 2 }], samples: [], threads: 1 });
    expect(compareGroundTruth(file, found, NOTHING)).toEqual({ file, equal: true, differences: [] });
  });

  it('names each count that differs, by where it stands', () => {
    const file = truthFile({ lines: 3, forks: [{ cow: 2 }, { cow: 1 }], events: { mmap: { ok: 1 } } });
    const found = counts({ lines: 4, forks: [{ cow: 5 }], events: { mmap: { ok: 1 }, munmap: { ok: 1 } } });
    const { equal, differences } = compareGroundTruth(file, found, {
      events: { mmap: { ok: 1 } },
      finalLayoutCheck: [],
    });
    expect(equal).toBe(false);
    expect(differences).toEqual([
      { name: 'lines', expected: 3, found: 4 },
      { name: 'forks.0.cow', expected: 2, found: 5 },
      { name: 'forks.1', expected: { cow: 1 }, found: null },
      { name: 'events.munmap', expected: null, found: { ok: 1 } },
    ]);
  });

  it("holds the machine's own calls and last layouts against it too", () => {
    const file = truthFile({
      events: { fork: { ok: 1 } },
      finalLayoutCheck: [{ pid: 4, pages: 9, missing: 0 }, { pid: 5 }],
    });
    const found = counts({ events: { fork: { ok: 1 } } });
    const machine = {
      events: { fork: { ok: 2 }, mremap: { ok: 0 }, munmap: { ok: 1 } },
      finalLayoutCheck: [{ pages: 9, missing: 1, extra: 0, protDiffers: 0 }],
    };
    expect(compareGroundTruth(file, found, machine).differences).toEqual([
      { name: 'machine.events.fork.ok', expected: 1, found: 2 },
      { name: 'machine.events.munmap.ok', expected: 0, found: 1 },
      { name: 'machine.finalLayoutCheck.0.missing', expected: 0, found: 1 },
      { name: 'machine.finalLayoutCheck.1', expected: { pid: 5 }, found: null },
    ]);
  });

  it.each([
    ['no json', /expected the counts of the recording as JSON/],
    ['3', /found no object, expected the counts of the recording/],
  ])('refuses a file that holds %s', (content, message) => {
    const file = truthFile(content);
    expect(() => compareGroundTruth(file, counts({}), NOTHING)).toThrow(message);
  });
});
