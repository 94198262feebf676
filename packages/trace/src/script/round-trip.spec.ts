import fc from 'fast-check';
import type { MmEvent } from '../event.ts';
import type { Condition, Verdict } from '../verdict.ts';
import { parseScript } from './parse-script.ts';
import { printEvent } from './print-event.ts';
import { printScript } from './print-script.ts';
import { ADVICES, MMAP_FLAGS, MREMAP_FLAGS, MSYNC_FLAGS } from './vocabulary.ts';

/** The set-up gives these names: `$a` is an address, `$r0` bytes, `dev0` a device, `kid` a process. */
const SET_UP = ['p1 brk 0x0 -> a', 'p1 load 0x0 1 -> r0', 'machine attach dev0 kvm p1', 'p1 fork -> kid'];

const address = fc.integer({ min: 0, max: 2 ** 47 });
const size = fc.integer({ min: 1, max: 2 ** 30 });
const data = fc.uint8Array({ minLength: 1, maxLength: 32 });
const operand = fc.oneof(
  address,
  fc.record({ name: fc.constantFrom('a', 'r0'), offset: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }) }),
);
const word = fc.stringMatching(/^[A-Za-z0-9_./-]{1,12}$/).filter((text) => text !== '->');
const process = fc.constantFrom('p1', 'p2', 'p77', 'kid');
const list = <T extends string>(words: readonly T[]): fc.Arbitrary<T[]> => fc.subarray([...words]);
const bytesValue = data.map((bytes) => ({ kind: 'bytes' as const, hex: Buffer.from(bytes).toString('hex') }));
const numberValue = address.map((value) => ({ kind: 'number' as const, value }));
const errnoValue = fc
  .constantFrom('EFAULT', 'ENOMEM', 'E2BIG', 'EBADF')
  .map((name) => ({ kind: 'errno' as const, name }));
const signalValue = fc.constantFrom('SIGSEGV', 'SIGBUS').map((name) => ({ kind: 'signal' as const, name }));

const protection = fc.constantFrom('-', 'r', 'w', 'x', 'rw', 'rx', 'wx', 'rwx');
const sharing = fc.constantFrom('private', 'shared');
const otherFlags = list(MMAP_FLAGS.filter((flag) => !['private', 'shared', 'anonymous'].includes(flag)));
const range = { address: operand, length: address };
const stored = fc.oneof(
  size.map((n) => ({ size: n })),
  data.map((bytes) => ({ size: bytes.length, data: bytes })),
);
const verb = (name: string, fields: Record<string, fc.Arbitrary<unknown>> = {}): fc.Arbitrary<object> =>
  fc.record({ verb: fc.constant(name), ...fields });

const processEvent = fc.oneof(
  ...['load', 'modify', 'fetch'].map((name) => verb(name, { address: operand, size })),
  fc.tuple(verb('store', { address: operand }), stored).map(([a, b]) => ({ ...a, ...b })),
  fc
    .tuple(
      verb('mmap', { ...range, protection }),
      sharing,
      otherFlags,
      fc.option(fc.record({ file: word, offset: address })),
    )
    .map(([base, share, flags, file]) => ({
      ...base,
      flags: file === null ? [share, 'anonymous', ...flags] : [share, ...flags],
      ...(file ?? {}),
    })),
  ...['munmap', 'mlock', 'munlock', 'mincore', 'pagemap'].map((name) => verb(name, range)),
  verb('mprotect', { ...range, protection }),
  verb('madvise', { ...range, advice: fc.constantFrom(...ADVICES) }),
  verb('msync', { ...range, flags: list(MSYNC_FLAGS) }),
  fc
    .tuple(
      verb('mremap', { address: operand, oldLength: address, newLength: address }),
      list(MREMAP_FLAGS),
      fc.option(operand),
    )
    .map(([base, flags, to]) => ({
      ...base,
      flags: to === null ? flags.filter((flag) => flag !== 'fixed') : flags,
      ...(to === null ? {} : { newAddress: to }),
    })),
  verb('brk', { address: operand }),
  fc.oneof(verb('exit'), verb('exit', { status: fc.integer({ min: 0, max: 255 }) })),
  ...['fork', 'exec', 'signal', 'maps', 'rss'].map((name) => verb(name)),
);

const deviceEvent = fc.oneof(
  verb('load', { address: operand, size }),
  fc.tuple(verb('store', { address: operand }), stored).map(([a, b]) => ({ ...a, ...b })),
  verb('translations'),
  verb('action', {
    action: fc.constantFrom('memslot', 'run', 'dirty_log'),
    arguments: fc.array(
      fc.oneof(word, fc.record({ name: fc.constant('a'), offset: fc.integer({ min: -4096, max: 4096 }) })),
      { maxLength: 4 },
    ),
  }),
);

const machineEvent = fc.oneof(
  verb('file', { file: word, length: address }),
  data.map((bytes) => ({ verb: 'file', file: 'f', length: bytes.length, data: bytes })),
  verb('truncate', { file: word, length: address }),
  verb('write', { file: word, offset: address, data }),
  verb('sync', { file: word }),
  fc.oneof(
    verb('attach', { device: fc.constantFrom('gru0', 'xpmem1'), plugin: word, process }),
    verb('attach', {
      device: fc.constantFrom('gru0', 'xpmem1'),
      plugin: word,
      process,
      options: fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('-0')),
    }),
  ),
  verb('detach', { device: fc.constant('dev0') }),
  verb('reclaim', { pages: fc.nat() }),
  verb('migrate', { process, ...range }),
  ...['collapse', 'split', 'poison'].map((name) => verb(name, { process, address: operand })),
  verb('oom', { process }),
  ...['compact', 'ksm', 'stats', 'check'].map((name) => verb(name)),
);

const event = fc
  .oneof(
    fc.tuple(process, processEvent).map(([name, fields]) => ({ actor: { kind: 'process', name }, ...fields })),
    deviceEvent.map((fields) => ({ actor: { kind: 'device', name: 'dev0' }, ...fields })),
    machineEvent.map((fields) => ({ actor: { kind: 'machine' }, ...fields })),
  )
  .chain((base) => {
    const answersBytes = ['load', 'fetch', 'modify'].includes((base as unknown as MmEvent).verb);
    const recorded = fc.oneof(answersBytes ? bytesValue : numberValue, errnoValue, signalValue);
    return fc.record({
      ...Object.fromEntries(Object.entries(base).map(([key, value]) => [key, fc.constant(value)])),
      ...{
        recorded: fc.option(recorded, { nil: undefined }),
        binding: fc.option(fc.constantFrom('b', 'c9'), { nil: undefined }),
      },
    });
  })
  .map(
    (fields) =>
      Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as MmEvent,
  );

const wordsValue = fc.stringMatching(/^[a-z0-9 ()=#-]{0,20}$/).map((text) => ({ kind: 'words' as const, text }));
const comparison: fc.Arbitrary<Condition> = fc
  .oneof(bytesValue, numberValue, errnoValue, signalValue, wordsValue)
  .map((value) => ({
    op: 'equals',
    name: 'r0',
    value,
  }));
const condition = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    comparison,
    fc.record({ op: fc.constant('not' as const), operand: tie('condition') }),
    fc.record({ op: fc.constantFrom('and' as const, 'or' as const), left: tie('condition'), right: tie('condition') }),
  ),
})).condition;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('printing and parsing', () => {
  it('give every event back', () => {
    fc.assert(
      fc.property(event, (original) => {
        const text = printEvent(original);
        const { events } = parseScript([...SET_UP, text].join('\n'), 'a.mm');
        expect(plain(events[SET_UP.length])).toEqual(plain({ ...original, line: SET_UP.length + 1 }));
      }),
      { numRuns: 2000 },
    );
  });

  it('give every event of a task back', () => {
    fc.assert(
      fc.property(event, (original) => {
        const { events, tasks } = parseScript([...SET_UP, printEvent({ ...original, task: 't' })].join('\n'), 'a.mm');
        expect(tasks).toEqual(['t']);
        expect(plain(events.at(-1))).toEqual(plain({ ...original, task: 't', line: SET_UP.length + 1 }));
      }),
    );
  });

  it('give every verdict back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('forbid' as const, 'require' as const, 'exists' as const),
        condition,
        (kind, expression) => {
          const verdict: Verdict = { kind, condition: expression, line: 0 };
          const setUp = parseScript(SET_UP.join('\n'), 'a.mm');
          const text = printScript({ ...setUp, verdicts: [verdict] });
          const { verdicts } = parseScript(text, 'a.mm');
          expect(verdicts).toEqual([{ ...verdict, line: text.split('\n').length - 1 }]);
        },
      ),
    );
  });

  it('never fail with anything but a TraceError, whatever the text', () => {
    const token = fc.constantFrom(
      'p1',
      'machine',
      '@0',
      'mmap',
      'load',
      '$a',
      '0x10',
      '->',
      '=',
      '(',
      '==',
      'and',
      'forbid',
      '{',
      '"',
      '#',
      '10K',
      '-',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(token, fc.string()), { maxLength: 12 }), (words) => {
        try {
          parseScript(words.join(' '), 'a.mm');
        } catch (error) {
          expect(error).toHaveProperty('name', 'TraceError');
          expect((error as Error).message).toMatch(/^a\.mm:\d+:\d+: found .*, expected .*$/u);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
