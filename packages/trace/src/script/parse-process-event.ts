/** Arguments of what a process does: `p1 mmap 0 4K rw private,anonymous`. */
import type { EventBase, ProcessActor, ProcessEvent } from '../event.ts';
import type { LineReader, Word } from './line-reader.ts';
import { isBytes, parseBytes, parseNumber } from './number.ts';
import { ADVICES, MMAP_FLAGS, MREMAP_FLAGS, MSYNC_FLAGS, PROCESS_VERBS, parseProtection } from './vocabulary.ts';
import type { Protection } from '../event.ts';

/** What comes before the arguments. */
export interface Prefix extends EventBase {
  readonly actor: ProcessActor;
}

/** Largest `store` and `load` of a script: one event is one access, not a copy of all memory. */
const MAX_ACCESS = 2 ** 30;

/** Reads the arguments of `verb`. */
export function parseProcessEvent(reader: LineReader, prefix: Prefix, verb: Word): ProcessEvent {
  switch (verb.text) {
    case 'load':
    case 'modify':
    case 'fetch':
      return { ...prefix, verb: verb.text, address: reader.operand('an address'), size: accessSize(reader) };
    case 'store':
      return { ...prefix, verb: 'store', address: reader.operand('an address'), ...storeData(reader) };
    case 'brk':
      return { ...prefix, verb: 'brk', address: reader.operand('an address') };
    case 'exit': {
      const status = reader.optional();
      if (status === undefined) return { ...prefix, verb: 'exit' };
      const value = parseNumber(status.text);
      if (value === undefined || value > 255) return reader.fail(status, 'an exit status from 0 to 255');
      return { ...prefix, verb: 'exit', status: value };
    }
    case 'fork':
    case 'vfork':
    case 'exec':
    case 'signal':
    case 'maps':
    case 'rss':
      return { ...prefix, verb: verb.text };
    default:
      return parseRangeEvent(reader, prefix, verb);
  }
}

function parseRangeEvent(reader: LineReader, prefix: Prefix, verb: Word): ProcessEvent {
  switch (verb.text) {
    case 'mmap':
      return parseMmap(reader, prefix);
    case 'mremap':
      return parseMremap(reader, prefix);
    case 'munmap':
    case 'mlock':
    case 'munlock':
    case 'mincore':
    case 'pagemap':
      return { ...prefix, verb: verb.text, ...range(reader) };
    case 'mprotect':
      return { ...prefix, verb: 'mprotect', ...range(reader), protection: protection(reader) };
    case 'madvise':
      return { ...prefix, verb: 'madvise', ...range(reader), advice: reader.oneOf(ADVICES, 'advice') };
    case 'msync':
      return {
        ...prefix,
        verb: 'msync',
        ...range(reader),
        flags: reader.list(MSYNC_FLAGS, 'msync flag', 'may be empty'),
      };
    default:
      return reader.fail(verb, `a verb of a process: ${PROCESS_VERBS.join(', ')}`);
  }
}

function parseMmap(reader: LineReader, prefix: Prefix): ProcessEvent {
  const base = { ...prefix, verb: 'mmap' as const, ...range(reader), protection: protection(reader) };
  const flagsAt = reader.peek() ?? reader.endOfLine();
  const flags = reader.list(MMAP_FLAGS, 'mmap flag', 'not empty');
  if (flags.includes('private') === flags.includes('shared')) return reader.fail(flagsAt, 'either private or shared');
  if (flags.includes('anonymous')) return { ...base, flags };
  return {
    ...base,
    flags,
    file: fileName(reader, 'a file name (or the flag anonymous)'),
    offset: reader.number('an offset', Number.MAX_SAFE_INTEGER),
  };
}

function parseMremap(reader: LineReader, prefix: Prefix): ProcessEvent {
  const address = reader.operand('an address');
  const oldLength = reader.number('an old length');
  const newLength = reader.number('a new length');
  const flags = reader.list(MREMAP_FLAGS, 'mremap flag', 'may be empty');
  const base = { ...prefix, verb: 'mremap' as const, address, oldLength, newLength, flags };
  const word = reader.peek();
  if (word === undefined || word.text === '=' || word.text === '->') {
    return flags.includes('fixed') ? reader.fail(word ?? reader.endOfLine(), 'a new address (flag fixed)') : base;
  }
  return { ...base, newAddress: reader.operand('a new address') };
}

function range(reader: LineReader): { address: ProcessOperand; length: number } {
  return { address: reader.operand('an address'), length: reader.number('a length') };
}

type ProcessOperand = ReturnType<LineReader['operand']>;

function protection(reader: LineReader): Protection {
  const word = reader.argument('a protection (letters of rwx, or -)');
  return parseProtection(word.text) ?? reader.fail(word, 'a protection (letters of rwx, or -)');
}

/** How many bytes a `load` covers. */
export function accessSize(reader: LineReader): number {
  const word = reader.peek() ?? reader.endOfLine();
  const size = reader.size('a size');
  return size <= MAX_ACCESS ? size : reader.fail(word, 'a size up to 1G');
}

/**
 * What a `store` writes. An even number of hex digits is bytes, any other number a size: so `store 0x0 10` stores the
 * byte 0x10, and sixteen bytes are asked for as `0x10`.
 */
export function storeData(reader: LineReader): { size: number; data?: Uint8Array } {
  const word = reader.peek() ?? reader.endOfLine();
  if (!isBytes(word.text)) {
    if (parseNumber(word.text) === undefined) reader.fail(word, 'bytes (an even number of hex digits) or a size');
    return { size: accessSize(reader) };
  }
  reader.next('bytes');
  const data = parseBytes(word.text);
  return { size: data.length, data };
}

/** A file's name: one word without blanks. */
export function fileName(reader: LineReader, expected: string): string {
  return reader.argument(expected).text;
}
