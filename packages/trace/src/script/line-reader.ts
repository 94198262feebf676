/**
 * One line of the event language, cut into words that know their column. Errors about a line are made here, so that
 * each says file, line, column, what was found and what was expected.
 */
import { TraceError, quote } from '../trace-error.ts';
import type { TraceErrorCode } from '../trace-error.ts';
import { ADDRESS_LIMIT, isBytes, isHugeNumber, parseBytes, parseNumber } from './number.ts';
import { NAME } from './vocabulary.ts';
import type { Operand, Reference } from '../event.ts';

/** A word and where it begins, from 1. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

/** `fork -> child` binds a process: it acts as `child` and as `$child`. */
export function withoutDollar(text: string): string {
  return text.startsWith('$') ? text.slice(1) : text;
}

/** Cuts a line into words; a word that begins with `#` starts a comment. */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/\S+/g)) {
    if (match[0].startsWith('#')) break;
    words.push({ text: match[0], column: match.index + 1 });
  }
  return words;
}

/** Reads the words of one line from left to right. */
export class LineReader {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  private readonly words: Word[];
  private position = 0;
  /** Names that may be used as `$name`; checked by the caller who knows the tasks. */
  readonly references: Word[] = [];
  /** Names of processes among the arguments; checked in the same way. */
  readonly processes: Word[] = [];

  constructor(file: string, line: number, text: string, words: Word[]) {
    this.file = file;
    this.line = line;
    this.text = text;
    this.words = words;
  }

  /** The next word, which stays. */
  peek(): Word | undefined {
    return this.words[this.position];
  }

  /** Takes the next word, or says what should have been there. */
  next(expected: string): Word {
    const word = this.words[this.position];
    if (word === undefined) return this.fail(this.endOfLine(), expected);
    this.position++;
    return word;
  }

  /** Takes the next word if it is an argument: not the end, not the `=` or `->` of the result. */
  optional(): Word | undefined {
    const word = this.peek();
    if (word === undefined || word.text === '=' || word.text === '->') return undefined;
    this.position++;
    return word;
  }

  /** Forgets the words that begin before `column`: something else has read them. */
  skipTo(column: number): void {
    this.words.splice(0, this.words.length, ...splitWords(' '.repeat(column - 1) + this.text.slice(column - 1)));
    this.position = 0;
  }

  /** An argument; the marks of the result are none. */
  argument(expected: string): Word {
    const word = this.peek();
    if (word !== undefined && (word.text === '=' || word.text === '->')) return this.fail(word, expected);
    return this.next(expected);
  }

  /** The end of the line as a word, to be found where something is missing. */
  endOfLine(): Word {
    const last = this.words.at(-1);
    return { text: '', column: last === undefined ? 1 : last.column + last.text.length + 1 };
  }

  /** Throws: `word` is not what was expected. */
  fail(word: Word, expected: string, code: TraceErrorCode = 'syntax'): never {
    const found = word.text === '' ? 'the end of the line' : quote(word.text);
    throw new TraceError({ code, file: this.file, line: this.line, column: word.column, found, expected });
  }

  /** A number up to `limit`: an address, a length, an offset. */
  number(expected: string, limit: number = ADDRESS_LIMIT): number {
    const word = this.argument(expected);
    const value = parseNumber(word.text);
    if (value === undefined && !isHugeNumber(word.text))
      return this.fail(word, `${expected} (decimal, 0x…, or with K, M, G)`);
    if (value === undefined || value > limit)
      return this.fail(word, `${expected} up to 2^${Math.round(Math.log2(limit))}`);
    return value;
  }

  /** A length that is not zero. */
  size(expected: string): number {
    const word = this.peek() ?? this.endOfLine();
    const value = this.number(expected);
    return value > 0 ? value : this.fail(word, `${expected} above 0`);
  }

  /** An address: a number, or `$name`, `$name+0x1000`, `$name-4K`. */
  operand(expected: string): Operand {
    const word = this.peek();
    if (word === undefined || !word.text.startsWith('$')) return this.number(expected);
    this.position++;
    return this.reference(word);
  }

  /** What a word that begins with `$` refers to. */
  reference(word: Word): Reference {
    const match = /^\$([A-Za-z_][A-Za-z0-9_]*)(?:([+-])(.+))?$/.exec(word.text);
    const distance = match?.[3] === undefined ? 0 : parseNumber(match[3]);
    if (match?.[1] === undefined || distance === undefined || distance > ADDRESS_LIMIT) {
      return this.fail(word, '$name, $name+number or $name-number');
    }
    this.references.push({ text: match[1], column: word.column });
    return { name: match[1], offset: match[2] === '-' && distance !== 0 ? -distance : distance };
  }

  /** A name that the script chooses or uses: a process, a device, a binding. */
  name(expected: string): string {
    const word = this.argument(expected);
    return NAME.test(word.text) ? word.text : this.fail(word, `${expected} (letters, digits and _)`);
  }

  /** A process as an argument. */
  process(): string {
    const word = this.argument('a process');
    const name = withoutDollar(word.text);
    if (!NAME.test(name)) this.fail(word, 'a process (letters, digits and _)');
    this.processes.push({ text: name, column: word.column });
    return name;
  }

  /** Bytes as hex digits. */
  bytes(expected: string): Uint8Array {
    const word = this.argument(expected);
    return isBytes(word.text) ? parseBytes(word.text) : this.fail(word, `${expected} (an even number of hex digits)`);
  }

  /** One of a list of words. */
  oneOf<T extends string>(words: readonly T[], what: string): T {
    const expected = `${what}: ${words.join(', ')}`;
    const word = this.argument(expected);
    const found = words.find((candidate) => candidate === word.text);
    return found ?? this.fail(word, expected);
  }

  /** A comma list of words, each at most once; `-` is the empty list where `empty` allows it. */
  list<T extends string>(words: readonly T[], what: string, empty: 'may be empty' | 'not empty'): T[] {
    const expected = `${what}: ${words.join(', ')}`;
    const word = this.argument(expected);
    if (word.text === '-' && empty === 'may be empty') return [];
    const chosen: T[] = [];
    let column = word.column;
    for (const part of word.text.split(',')) {
      const found = words.find((candidate) => candidate === part);
      if (found === undefined) return this.fail({ text: part || ',', column }, expected);
      if (chosen.includes(found)) return this.fail({ text: part, column }, `each of the ${what}s once`);
      chosen.push(found);
      column += part.length + 1;
    }
    return chosen;
  }
}
