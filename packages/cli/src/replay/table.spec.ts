import { exampleReport, pinnedReport } from '../../test/example-report.ts';
import { renderReports } from './table.ts';

/** The values of a line of the table, by its label. */
function row(text: string, label: string): string[] {
  const line = text.split('\n').find((candidate) => candidate.trim().startsWith(label)) ?? '';
  return line.trim().slice(label.length).trim().split(/ {2,}/);
}

describe('the table of a replay', () => {
  const noColor = process.env['NO_COLOR'];
  afterEach(() => {
    if (noColor === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = noColor;
  });

  it('says what happened, in the words of the report', () => {
    expect(renderReports([exampleReport()], undefined)).toMatchInlineSnapshot(`
      "lackey.txt.xz (lackey, xz, 1.3 MiB)
      25 % of 3,003 pages, and 372 KiB for page tables and the kernel

      replay
        outcome                          complete
        memory                            3.3 MiB
        swap space                        256 MiB
      events
        of the recording                    2,000
        replayed                            2,000
        accesses by the CPU                 1,500
        accesses by devices                   490
        calls                                  10
        left out: mlock                         2
      page faults
        total                                  30
        copy on write                          12
      swap, pages
        written out                         2,083
        read back                           2,209
      reclaim, pages
        scanned                             4,329
        freed                               1,600
      notifier calls
        starts                              2,271
        ends                                2,271
      invalidations by event
        UNMAP                                  66
        CLEAR                               2,129
      device kvm
        accesses                              490
        refused: EFAULT                         3
        translations established            4,302
        translations invalidated            3,242
        translations refaulted              1,901
      pages pinned
        at most                                 0
        in all                                  0
        met by reclaim                          0
      verdicts
        loads verified                      1,637
        oracles                     nothing found
        unlike the recorded system              0
        ground truth                        equal
      time
        seconds                              2.50
        events per second                     800
      "
    `);
  });

  it('leaves out counters that are 0 everywhere, but never the swap traffic', () => {
    const text = renderReports([exampleReport({ swap: { pagesOut: 0, pagesIn: 0 } })], undefined);
    expect(text).not.toMatch(/sigbus|MIGRATE|refused {2,}/);
    expect([row(text, 'written out'), row(text, 'read back')]).toEqual([['0'], ['0']]);
  });

  it('puts two worlds side by side, with what cannot be reclaimed when pages are pinned', () => {
    const text = renderReports([exampleReport(), pinnedReport()], undefined);
    expect(text).toMatch(/notifiers +pinned pages\n/);
    expect(row(text, 'outcome')).toEqual(['complete', 'out of memory']);
    expect(row(text, 'replayed')).toEqual(['2,000', '1,500']);
    expect(row(text, 'translations invalidated')).toEqual(['3,242', '0']);
    expect(row(text, 'accesses to stale pages')).toEqual(['0', '5']);
    expect(row(text, 'at most')).toEqual(['0', '700 (83 % of memory)']);
    expect(row(text, 'met by reclaim')).toEqual(['0', '91,828']);
    expect(row(text, 'ground truth')).toEqual(['equal', 'not compared']);
    expect(text).toContain(
      'With pins: out of memory at event 1,501, in p1, with 700 pages pinned; the 500 events from there on were not replayed\n',
    );
    expect(text).toContain('With pins, up to 700 pages (2.7 MiB) could not be reclaimed; with notifiers, up to 0.\n');
  });

  it('never looks complete when it is not', () => {
    const violation = { oracle: 'use-after-free', message: 'frame 7 is freed while kvm reaches it' };
    const text = renderReports(
      [
        exampleReport({
          outcome: { kind: 'violation', event: 12, violation },
          violations: [violation],
          events: { total: 2000, replayed: 11, accesses: 1990, calls: 10, leftOut: {} },
        }),
      ],
      undefined,
    );
    expect(row(text, 'outcome')).toEqual(['violation']);
    expect(row(text, 'oracles')).toEqual(['1 violation']);
    expect(text).toContain('stopped at event 12; the 1,989 events from there on were not replayed\n');
    expect(text).toContain('violation: use-after-free: frame 7 is freed while kvm reaches it\n');
  });

  it('names differences from the recorded system, and counts that differ from the truth', () => {
    const text = renderReports(
      [
        exampleReport({
          differences: { count: 12, first: [{ event: 5, message: 'line 9: p1 mmap answered EINVAL' }] },
          groundTruth: {
            file: 'a.truth.json',
            equal: false,
            differences: Array.from({ length: 7 }, (_, n) => ({ name: `n${n}`, expected: 1, found: 2 })),
          },
        }),
      ],
      undefined,
    );
    expect(row(text, 'unlike the recorded system')).toEqual(['12']);
    expect(row(text, 'ground truth')).toEqual(['7 counts differ']);
    expect(text).toContain('event 5: line 9: p1 mmap answered EINVAL\n11 more differences\n');
    expect(text).toContain('a.truth.json: n0 is 1, found 2\n');
    expect(text).toContain('2 more counts differ\n');
  });

  it('has colours on a terminal only, and not even there with NO_COLOR', () => {
    delete process.env['NO_COLOR'];
    expect(renderReports([exampleReport()], 100)).toContain('\u001b[');
    expect(renderReports([exampleReport()], undefined)).not.toContain('\u001b[');
    process.env['NO_COLOR'] = '1';
    expect(renderReports([exampleReport()], 100)).not.toContain('\u001b[');
  });

  it('keeps within a narrow terminal', () => {
    process.env['NO_COLOR'] = '1';
    const [, ...table] = renderReports([exampleReport(), pinnedReport()], 60).split('\n\n');
    for (const line of (table[0] ?? '').split('\n')) expect(line.length).toBeLessThanOrEqual(60);
  });
});
