/** What the scripts are made of, and how small they get. No kernel is asked. */
import fc from 'fast-check';
import type { Run, Side } from '../src/run-command.ts';
import { firstDifference } from '../src/compare.ts';
import { scripts, toText } from '../src/generate.ts';
import { search } from '../src/search.ts';

const OPTIONS = { events: 200, device: true } as const;

function texts(seed: number, avoid: readonly string[] = []): string[] {
  return fc.sample(scripts({ ...OPTIONS, avoid }), { numRuns: 5, seed }).map(toText);
}

/** Answers `null` to each line, but `odd` to lines that match. */
function answering(pattern: RegExp, odd: string): Side {
  return async (script) => {
    const lines = script
      .trimEnd()
      .split('\n')
      .map((text, at) => ({ line: at + 1, result: pattern.test(text) ? odd : null }));
    return { lines: lines.map((line) => JSON.stringify(line)), status: 0, stderr: '' };
  };
}

describe('random scripts', () => {
  it('are the same for the same seed', () => {
    expect(texts(7)).toEqual(texts(7));
    expect(texts(7)).not.toEqual(texts(8));
  });

  it('have as many events as were asked for', () => {
    for (const text of texts(1)) expect(text.trimEnd().split('\n')).toHaveLength(200);
  });

  it('do without what is to be avoided', () => {
    expect(texts(1).join('')).toMatch(/noreserve|mremap/);
    expect(texts(1, ['noreserve', 'mremap']).join('')).not.toMatch(/noreserve|mremap/);
  });

  it('shrink to the one event that matters, with simple arguments', async () => {
    const found = await search({
      ...OPTIONS,
      scripts: 100,
      seed: 3,
      linux: answering(/never/, 'odd'),
      model: answering(/madvise .* dontneed/, 'odd'),
    });
    expect(found.found?.script).toBe('p1 madvise 0x100000000 0x1000 dontneed\n');
  });

  it('say the first difference, however many scripts are under way', async () => {
    const fails = fc.sample(scripts(OPTIONS), { numRuns: 30, seed: 9 }).map((script) => /cold/.test(toText(script)));
    const model = answering(/madvise .* cold/, 'odd');
    const { ran } = await search({ ...OPTIONS, scripts: 30, seed: 9, linux: answering(/never/, 'odd'), model });
    expect(ran).toBe(fails.indexOf(true) + 1);
  });

  it('shrink to two events when it takes two', async () => {
    const together: Side = async (script) => {
      const side = /fork[^]*mremap/.test(script) ? answering(/mremap/, 'odd') : answering(/never/, 'odd');
      return await side(script);
    };
    const { found } = await search({
      ...OPTIONS,
      scripts: 100,
      seed: 4,
      linux: answering(/never/, 'odd'),
      model: together,
    });
    expect(found?.script.trimEnd().split('\n')).toHaveLength(2);
  });
});

describe('comparing', () => {
  const run = (...lines: string[]): Run => ({ lines, status: 0, stderr: '' });

  it('looks at values, not at how they are written', () => {
    expect(firstDifference('', run('{"line":1,"result":null}'), run('{ "result": null, "line": 1 }'))).toBeUndefined();
  });

  it('finds the first line that differs, and the event of it', () => {
    const script = 'p1 maps\np1 fork\n';
    const linux = run('{"line":1,"result":[]}', '{"line":2,"result":"p2"}');
    const model = run('{"line":1,"result":[]}', '{"line":2,"errno":"ENOMEM"}');
    expect(firstDifference(script, linux, model)).toMatchObject({ line: 2, event: 'p1 fork' });
  });

  it('does not take a side that stops early for equal', () => {
    const model: Run = { lines: [], status: 3, stderr: 'boom' };
    const difference = firstDifference('p1 maps\n', run('{"line":1,"result":[]}'), model);
    expect(difference).toMatchObject({ line: 1, model: 'nothing more (status 3) boom' });
  });

  describe('what mincore says of files', () => {
    const MAPS = [{ start: '0x1000', end: '0x4000', offset: '0x1000', file: 'f' }];
    /** `mincore` of pages 1 to 3 of `f`, behind these events, of which `maps` answers as it is. */
    const difference = (before: readonly string[], real: string, modelled: string): unknown => {
      const events = ['machine file f 64K', ...before, 'p1 maps', 'p1 mincore 0x1000 12K'];
      const answers = (last: string): Run =>
        run(
          ...events.map((event, i) => {
            const result = event.endsWith('maps') ? MAPS : i === events.length - 1 ? last : null;
            return JSON.stringify({ line: i + 1, result });
          }),
        );
      return firstDifference(events.join('\n'), answers(real), answers(modelled));
    };

    it('is compared, whoever has a page and the other not', () => {
      expect(difference([], '101', '101')).toBeUndefined();
      expect(difference([], '101', '001')).toMatchObject({ line: 3 });
      expect(difference([], '001', '101')).toMatchObject({ line: 3 });
    });

    it('may lack here what a file was created with, which is in the memory of a memfd', () => {
      const file = `machine file f 16K ${'ab'.repeat(4097)}`;
      expect(difference([file], '100', '000')).toBeUndefined();
      expect(difference([file], '110', '000')).toMatchObject({ line: 4 });
      expect(difference([file], '000', '100')).toMatchObject({ line: 4 });
    });

    it('may have here alone what was read ahead, and lack what was paged out', () => {
      const advised = (advice: string): string[] => ['p1 maps', `p1 madvise 0x2000 0x1000 ${advice}`];
      expect(difference(advised('willneed'), '000', '010')).toBeUndefined();
      expect(difference(advised('willneed'), '000', '011')).toMatchObject({ line: 5 });
      expect(difference(advised('pageout'), '010', '000')).toBeUndefined();
      expect(difference(advised('pageout'), '011', '000')).toMatchObject({ line: 5 });
      // Nobody said which pages.
      expect(difference(['p1 madvise 0x2000 0x1000 pageout'], '011', '000')).toBeUndefined();
      expect(difference(['machine reclaim 10'], '011', '000')).toBeUndefined();
    });

    it('is compared as it is where maps does not stand before it', () => {
      const answers = (last: string): Run => run('{"line":1,"result":null}', `{"line":2,"result":"${last}"}`);
      const difference = (file: string): unknown =>
        firstDifference(`${file}\np1 mincore 0x1000 4K`, answers('1'), answers('0'));
      expect(difference('machine file f 16K')).toMatchObject({ line: 2 });
      expect(difference('machine reclaim 10')).toMatchObject({ line: 2 });
      // It may be the page that the file was created with: a script that shrinks comes to this.
      expect(difference('machine file f 16K aa')).toBeUndefined();
    });
  });

  it('never compares frames', () => {
    const linux = run('{"line":1,"result":[{"pfn":1}]}');
    expect(firstDifference('', linux, run('{"line":1,"result":[{"pfn":2}]}'))).toBeUndefined();
  });
});
