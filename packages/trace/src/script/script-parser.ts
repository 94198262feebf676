/** Parses the event language line by line; `parse-script.ts` and the streaming reader stand on it. */
import type { EventBase, MmEvent } from '../event.ts';
import { TraceError, quote } from '../trace-error.ts';
import type { Verdict } from '../verdict.ts';
import { LineReader, splitWords } from './line-reader.ts';
import type { Word } from './line-reader.ts';
import { parseDeviceEvent, parseMachineEvent } from './parse-machine-event.ts';
import { parseProcessEvent } from './parse-process-event.ts';
import { parseRecorded } from './parse-value.ts';
import { VERDICTS, parseVerdict } from './parse-verdict.ts';
import { Scope } from './scope.ts';
import { BYTES_VERBS, NAME } from './vocabulary.ts';

/** The version of the language that this package reads and writes. */
export const LANGUAGE_VERSION = 1;

/** What one line said. */
export type ParsedLine = { readonly event: MmEvent } | { readonly verdict: Verdict } | undefined;

/** Remembers names and tasks from line to line. */
export class ScriptParser {
  private readonly file: string;
  private readonly scope: Scope;

  constructor(file: string, devices: readonly string[] = []) {
    this.file = file;
    this.scope = new Scope(devices);
  }

  /** Tasks seen so far, in order of appearance. */
  get tasks(): readonly string[] {
    return this.scope.tasks;
  }

  /** No task and no verdict so far: a line without either needs no bookkeeping. */
  get sequential(): boolean {
    return this.scope.sequential;
  }

  /** Parses one line without its end; nothing comes back for blank lines and comments. */
  parse(text: string, line: number): ParsedLine {
    if (line === 1) this.checkVersion(text);
    const words = splitWords(text);
    const first = words[0];
    if (first === undefined) return undefined;
    if (VERDICTS.some((word) => word === first.text)) {
      const { verdict, reader } = parseVerdict(this.file, line, text);
      this.scope.enterVerdict(reader);
      return { verdict };
    }
    return { event: this.parseEvent(new LineReader(this.file, line, text, words)) };
  }

  private checkVersion(text: string): void {
    const match = /^#!\s*mm\b\s*(.*)$/.exec(text);
    if (match === null || match[1]?.trim() === String(LANGUAGE_VERSION)) return;
    const found = `version ${quote(match[1] ?? '')} of the event language`;
    const expected = `#! mm ${LANGUAGE_VERSION}`;
    throw new TraceError({ code: 'unknown-format', file: this.file, line: 1, column: 1, found, expected });
  }

  private parseEvent(reader: LineReader): MmEvent {
    const task = this.task(reader);
    const actorWord = reader.next('a process, a device or machine');
    const actor = this.scope.actor(reader, actorWord, task);
    const verb = reader.next('a verb');
    const base: EventBase = { line: reader.line, ...(task === undefined ? {} : { task }) };
    let event: MmEvent;
    if (actor.kind === 'process') event = parseProcessEvent(reader, { ...base, actor }, verb);
    else if (actor.kind === 'device') event = parseDeviceEvent(reader, { ...base, actor }, verb);
    else event = parseMachineEvent(reader, { ...base, actor }, verb);
    return this.parseResult(reader, event);
  }

  private task(reader: LineReader): string | undefined {
    const word = reader.peek();
    let task: string | undefined;
    if (word?.text.startsWith('@') === true) {
      reader.next('@TASK');
      task = word.text.slice(1);
      if (!/^[A-Za-z0-9_]+$/.test(task)) reader.fail(word, '@TASK (letters, digits and _)');
    }
    this.scope.enter(reader, task);
    return task;
  }

  /** `[= VALUE] [-> NAME]` and the end of the line. */
  private parseResult(reader: LineReader, event: MmEvent): MmEvent {
    let result = event;
    let bound: Word | undefined;
    if (reader.peek()?.text === '=') {
      reader.next('=');
      const answer = BYTES_VERBS.has(event.verb) ? 'bytes' : 'number';
      result = { ...result, recorded: parseRecorded(reader, reader.next('a recorded value'), answer) };
    }
    if (reader.peek()?.text === '->') {
      reader.next('->');
      bound = reader.next('a name for the result');
      if (!NAME.test(bound.text)) reader.fail(bound, 'a name for the result (letters, digits and _)');
      result = { ...result, binding: bound.text };
    }
    const rest = reader.peek();
    if (rest !== undefined) {
      const expected = bound !== undefined ? 'the end of the line' : 'the end of the line, = VALUE or -> NAME';
      reader.fail(rest, expected);
    }
    this.scope.leave(reader, result, bound);
    return result;
  }
}
