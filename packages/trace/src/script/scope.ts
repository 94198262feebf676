/**
 * Who may use which name where.
 *
 * Lines without `@TASK` before the first task are set-up, those after the last are closing. Tasks run concurrently, so
 * a task sees the names of the set-up and its own; the closing lines and the verdicts see everything.
 */
import { makesProcess, processNumber } from '../event.ts';
import type { Actor, MmEvent } from '../event.ts';
import { TraceError } from '../trace-error.ts';
import { type LineReader, type Word, withoutDollar } from './line-reader.ts';
import { BYTES_VERBS } from './vocabulary.ts';

interface Binding {
  /** The task that bound it; `undefined` for set-up and closing lines. */
  readonly task: string | undefined;
  readonly kind: 'process' | 'bytes' | 'number';
}

/** Names and phases of one file, line by line. */
export class Scope {
  private readonly bindings = new Map<string, Binding>();
  private readonly devices = new Set<string>();
  private readonly taskNames: string[] = [];
  private phase: 'set-up' | 'tasks' | 'closing' | 'verdicts' = 'set-up';
  private closingLine = 0;

  constructor(devices: readonly string[] = []) {
    for (const device of devices) this.devices.add(device);
  }

  /** Tasks in the order in which they appear. */
  get tasks(): readonly string[] {
    return this.taskNames;
  }

  /** Only set-up lines so far. */
  get sequential(): boolean {
    return this.phase === 'set-up';
  }

  /** An event line begins, with or without a task. */
  enter(reader: LineReader, task: string | undefined): void {
    if (this.phase === 'verdicts')
      reader.fail(reader.peek() ?? reader.endOfLine(), 'no event after a verdict', 'task-order');
    if (task === undefined) {
      if (this.phase === 'tasks') {
        this.phase = 'closing';
        this.closingLine = reader.line;
      }
      return;
    }
    if (this.phase === 'closing') {
      throw new TraceError({
        code: 'task-order',
        file: reader.file,
        line: this.closingLine,
        column: 1,
        found: `a line without @TASK before @${task} of line ${reader.line}`,
        expected: '@TASK on every line between the first and the last task',
      });
    }
    this.phase = 'tasks';
    if (!this.taskNames.includes(task)) this.taskNames.push(task);
  }

  /** A verdict line: events are over. */
  enterVerdict(reader: LineReader): void {
    this.phase = 'verdicts';
    this.checkReferences(reader, undefined);
  }

  /** What a word at the place of the actor is. */
  actor(reader: LineReader, word: Word, task: string | undefined): Actor {
    if (word.text === 'machine') return { kind: 'machine' };
    if (this.devices.has(word.text)) return { kind: 'device', name: word.text };
    const name = withoutDollar(word.text);
    if (this.isProcess(name, task)) return { kind: 'process', name };
    const devices = this.devices.size === 0 ? 'an attached device' : `a device (${[...this.devices].join(', ')})`;
    return reader.fail(word, `a process (p1, p2, …), machine or ${devices}`);
  }

  /** Checks the names that a line used, and learns those that it makes. */
  leave(reader: LineReader, event: MmEvent, binding: Word | undefined): void {
    this.checkReferences(reader, event.task);
    for (const word of reader.processes) {
      if (!this.isProcess(word.text, event.task)) reader.fail(word, 'a process (p1, p2, …)', 'undefined-name');
    }
    if (binding !== undefined) this.bind(reader, event, binding);
    if (event.verb === 'attach') this.attach(reader, event.device);
    if (event.verb === 'detach' && !this.devices.has(event.device)) {
      reader.fail(
        { text: event.device, column: reader.text.indexOf(event.device) + 1 },
        'an attached device',
        'undefined-name',
      );
    }
  }

  private attach(reader: LineReader, device: string): void {
    if (device === 'machine' || processNumber(device) !== undefined) {
      const column = reader.text.indexOf('attach') + 'attach '.length;
      reader.fail(
        { text: device, column: reader.text.indexOf(device, column - 1) + 1 },
        'a name that is no process and not machine',
      );
    }
    this.devices.add(device);
  }

  private bind(reader: LineReader, event: MmEvent, word: Word): void {
    const before = this.bindings.get(word.text);
    if (event.task !== undefined && before !== undefined && before.task !== event.task) {
      const where = before.task === undefined ? 'the set-up' : `task @${before.task}`;
      reader.fail(word, `a name that ${where} has not bound`, 'task-order');
    }
    if (makesProcess(event) && (word.text === 'machine' || this.devices.has(word.text))) {
      reader.fail(word, 'a name that is no device and not machine');
    }
    const kind = makesProcess(event) ? 'process' : BYTES_VERBS.has(event.verb) ? 'bytes' : 'number';
    this.bindings.set(word.text, { task: event.task, kind });
  }

  private isProcess(name: string, task: string | undefined): boolean {
    if (processNumber(name) !== undefined) return true;
    const binding = this.bindings.get(name);
    return binding?.kind === 'process' && this.visible(binding, task);
  }

  private visible(binding: Binding, task: string | undefined): boolean {
    return task === undefined || binding.task === undefined || binding.task === task;
  }

  private checkReferences(reader: LineReader, task: string | undefined): void {
    for (const word of reader.references) {
      const binding = this.bindings.get(word.text);
      const shown = { text: `$${word.text}`, column: word.column };
      if (binding === undefined)
        reader.fail(shown, `a name that an earlier line binds with -> ${word.text}`, 'undefined-name');
      else if (!this.visible(binding, task)) {
        reader.fail(
          shown,
          `a name of the set-up or of task @${task} (task @${binding.task} binds it)`,
          'undefined-name',
        );
      }
    }
  }
}
