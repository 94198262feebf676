/** Values: what `= VALUE` records and what a verdict compares with. */
import { processNumber } from '../event.ts';
import type { RecordedValue, WordsValue } from '../value.ts';
import type { LineReader, Word } from './line-reader.ts';
import { isBytes, parseNumber } from './number.ts';

/** An errno or a signal by its name, or a process. */
function parseNamedValue(text: string): RecordedValue | undefined {
  if (/^SIG[A-Z0-9+]+$/.test(text)) return { kind: 'signal', name: text };
  if (/^E[A-Z0-9]*[A-Z][A-Z0-9]*$/.test(text) && !isBytes(text)) return { kind: 'errno', name: text };
  return processNumber(text) === undefined ? undefined : { kind: 'process', name: text };
}

/** `= VALUE` of a verb that answers bytes, or of one that answers a number. */
export function parseRecorded(reader: LineReader, word: Word, answer: 'bytes' | 'number'): RecordedValue {
  const named = parseNamedValue(word.text);
  if (named !== undefined) return named;
  if (answer === 'bytes') {
    if (isBytes(word.text)) return { kind: 'bytes', hex: word.text.toLowerCase() };
    return reader.fail(word, 'bytes (an even number of hex digits), an errno or a signal');
  }
  const value = parseNumber(word.text);
  return value === undefined ? reader.fail(word, 'a number, an errno or a signal') : { kind: 'number', value };
}

/** The right side of `==`: bytes are hex digits, addresses begin with `0x`, words of a device stand in quotes. */
export function parseCompared(reader: LineReader, word: Word): RecordedValue | WordsValue {
  const [, words] = /^"(.*)"$/.exec(word.text) ?? [];
  if (words !== undefined) return { kind: 'words', text: words };
  const named = parseNamedValue(word.text);
  if (named !== undefined) return named;
  if (isBytes(word.text)) return { kind: 'bytes', hex: word.text.toLowerCase() };
  const value = word.text.startsWith('0x') ? parseNumber(word.text) : undefined;
  if (value !== undefined) return { kind: 'number', value };
  return reader.fail(
    word,
    'bytes (an even number of hex digits), an address (0x…), an errno, a signal, "words" or $name',
  );
}
