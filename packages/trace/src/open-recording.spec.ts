import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Collector } from '../test/collect.ts';
import { BUNDLED } from '../test/recordings.ts';
import { measure } from './measure/measure.ts';
import { openRecording } from './open-recording.ts';
import type { Progress, RecordingSummary } from './recording.ts';

const folder = mkdtempSync(join(tmpdir(), 'trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function readAll(path: string): Promise<{ lines: string[]; summary: RecordingSummary; progress: Progress[] }> {
  const collector = new Collector();
  const progress: Progress[] = [];
  const reading = (await openRecording(path)).read(collector);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) return { lines: collector.lines, summary: next.value, progress };
    progress.push(next.value);
  }
}

async function errorOf(path: string): Promise<string> {
  const error: unknown = await readAll(path).then(
    () => new Error('no error'),
    (reason: unknown) => reason,
  );
  expect(error).toHaveProperty('name', 'TraceError');
  const { message } = error as Error;
  expect(message).not.toContain('\n');
  return message.replace(path, 'FILE');
}

const HEADER = '==4== Command: ls\n==4== \n';

describe('a recording in the event language', () => {
  const text = [
    '#! mm 1',
    'p1 mmap 0x10000 64K rw private,anonymous,fixed',
    'p1 store 0x10000 0x10',
    'p1 store 0x10000 8',
    'p1 store 0x10000 10',
    'p1 load 0x10ff8 16 # crosses',
    'p1 load 65536 8',
    'p1 load 0x10000 8 = 0000000000000000',
    'p1 fork -> p2',
    'p2 modify 0x10000 4',
    'p2 fetch 0x10000 3',
    'p2 exit 0',
    'machine attach kvm0 kvm p1',
    'kvm0 load 0x10000 8',
  ].join('\n');

  it('streams plain accesses as numbers, everything else as events, in order', async () => {
    const { lines, summary } = await readAll(write('a.mm', text));
    expect(lines).toEqual([
      'p1 mmap 0x10000 0x10000 rw private,anonymous,fixed',
      'p1 store 0x10000 16',
      'p1 store 0x10000 8',
      'p1 store 0x10000 10',
      'p1 load 0x10ff8 16',
      'p1 load 0x10000 8',
      'p1 load 0x10000 8 = 0000000000000000',
      'p1 fork -> p2',
      'p2 modify 0x10000 4',
      'p2 fetch 0x10000 3',
      'p2 exit 0',
      'machine attach kvm0 kvm p1',
      'kvm0 load 0x10000 8',
    ]);
    expect(summary).toMatchObject({ lines: 14, accesses: 6, bytesRead: text.length, totalBytes: text.length });
    expect(summary.images.map(({ process, end }) => [process, end])).toEqual([
      [2, 'exit'],
      [1, 'open'],
    ]);
  });

  it('says which line is wrong', async () => {
    expect(await errorOf(write('b.mm', `${text}\np1 load 0x10 8 8\n`))).toContain('FILE:15:16: found "8"');
  });

  it('is told by its name when it begins like nothing', async () => {
    expect(await errorOf(write('c.mm', 'hello world\n'))).toContain('FILE:1:1: found "hello", expected a process');
  });

  it('may be packed', async () => {
    const packed = await readAll(write('a.mm.gz', gzipSync(text)));
    expect(packed.lines).toEqual((await readAll(write('a.mm', text))).lines);
  });
});

describe('a lackey recording', () => {
  it('comes in chunks, with progress in bytes of the file', async () => {
    const access = 'I  04001103,3\n';
    const content = HEADER + access.repeat(100_000);
    const { summary, progress, lines } = await readAll(write('log', content));
    expect(lines).toHaveLength(100_001);
    expect(summary).toMatchObject({ lines: 100_002, accesses: 100_000, bytesRead: content.length, processSwitches: 0 });
    expect(progress.length).toBeGreaterThan(2);
    expect(progress.every(({ totalBytes }) => totalBytes === content.length)).toBe(true);
    expect(progress.map(({ bytesRead }) => bytesRead)).toEqual(
      [...progress.map(({ bytesRead }) => bytesRead)].sort((a, b) => a - b),
    );
  });

  it('can be read twice: measured, then replayed', async () => {
    const recording = await openRecording(write('log', `${HEADER} S 04001103,3\n S 04002103,3\n`));
    const { peakResidentPages, events, summary } = await measure(recording, () => undefined);
    expect({ peakResidentPages, events }).toEqual({ peakResidentPages: 2, events: { mmap: 1 } });
    expect(summary.accesses).toBe(2);
    expect((await measure(recording)).peakResidentBytes).toBe(8192);
  });

  it('cut in the middle of a line is refused', async () => {
    expect(await errorOf(write('log', `${HEADER}I  04001103,3\nI  0400`))).toBe(
      'FILE:4:1: found the end of the file in the middle of the line "I  0400", expected a whole line',
    );
  });
});

describe('what is no recording', () => {
  it.each([
    ['an empty file', '', 'FILE: found an empty file, expected a recording'],
    [
      'blank lines',
      '\n\n',
      'FILE: found only blank lines, expected the event language (.mm), lackey output, perf script output or strace output',
    ],
    ['binary garbage', Buffer.from([1, 2, 3, 0, 255, 254]), 'FILE: found binary data'],
    ['a program', Buffer.from('\u007fELF\u0002\u0001'), 'FILE: found a program (ELF)'],
    [
      'a zip archive',
      Buffer.from('PK\u0003\u0004 drmemtrace'),
      'FILE: found a zip archive (drmemtrace recordings come so)',
    ],
    ['JSON', '{"a": 1}', 'FILE: found JSON'],
    ['a Dinero trace', '0 7fff1234\n1 7fff1238\n', 'FILE: found a Dinero trace'],
    ['a Pin trace', '0x4004d6: R 0x7ffe\n', 'FILE: found a Pin pinatrace'],
    ['a Ramulator trace', '3 20734016\n1 20846400 20734016\n', 'FILE: found a Ramulator trace'],
    ['perf without PID/TID', 'redis 4 12.5: page-faults: \n', 'FILE: found perf script output without PID/TID'],
    ['a memory map', '562aa0230000-562aa028f000 r--p 00000000 fe:00 1\n', 'FILE: found a memory map'],
    ['prose', 'Dear reader,\n', 'FILE: found the text "Dear reader,"'],
    ['an empty gzip file', gzipSync(''), 'FILE: found an empty file'],
    ['gzip cut short', gzipSync(HEADER.repeat(100)).subarray(0, 30), 'FILE: found gzip data that ends too early'],
  ])('%s is named for what it is', async (_name, content, message) => {
    expect(await errorOf(write('x', content))).toContain(message);
  });

  it('a file without line ends is refused before it fills the memory', async () => {
    expect(await errorOf(write('x', `==4== ${'x'.repeat(5_000_000)}`))).toMatch(
      /^FILE: found no line end in \d+ bytes/,
    );
  });

  it('a missing file and a directory are refused', async () => {
    expect(await errorOf(join(folder, 'no', 'such'))).toContain(
      ': found no such file, expected a recording that can be read',
    );
    expect(await errorOf(folder)).toContain(': found a directory, expected a recording');
  });

  it('a damaged recording is refused, whatever has been delivered until then', async () => {
    const packed = readFileSync(BUNDLED);
    expect(await errorOf(write('cut.xz', packed.subarray(0, 500_000)))).toBe(
      'FILE: found xz data that ends too early, expected a complete xz file',
    );
    const damaged = Buffer.from(packed);
    damaged[500_000] = (damaged[500_000] as number) ^ 0xff;
    expect(await errorOf(write('bad.xz', damaged))).toContain('FILE: found damaged xz data');
  });
});
