/**
 * Lines that a person types, or a pipe brings, while a machine runs: each is one command, and is answered before the next is
 * read. ^C is an end, as is ^D; the end of a pipe is one only for who asks.
 */
import { type Interface, createInterface } from 'node:readline';
import type { PluginHost, Routine } from '@mmu-notifier/plugin-api';
import type { Io } from '../output.ts';

/** What a command has to say: fields, which a person reads as one line. */
export type Said = Readonly<Record<string, unknown>>;
export type Verb = (args: readonly string[]) => Routine<Said>;

/** A verb with what `help` says of it. */
export interface Command {
  readonly usage: string;
  readonly does: string;
  readonly run: Verb;
}

export interface ConsoleOptions {
  readonly prompt: string;
  readonly json: boolean;
  /** What the end of a pipe means. */
  readonly atEnd: 'stop' | 'wait for a signal';
}

export class Console {
  private readonly io: Io;
  private readonly options: ConsoleOptions;
  private readonly lines: Interface;
  private readonly waiting: string[] = [];
  private wake: (() => void) | undefined;
  private ended = false;
  private readonly stop = (): void => this.end();

  constructor(io: Io, options: ConsoleOptions) {
    this.io = io;
    this.options = options;
    const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
    this.lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      terminal: isTerminal,
      prompt: options.prompt,
    });
    this.lines.on('line', (line) => {
      this.waiting.push(line);
      this.wake?.();
    });
    this.lines.once('SIGINT', this.stop);
    this.lines.once('close', () => {
      if (isTerminal || options.atEnd === 'stop') this.end();
    });
    process.once('SIGINT', this.stop);
    process.once('SIGTERM', this.stop);
  }

  /** Answers commands until the end. @sleeps May, for whoever types. */
  *serve(host: PluginHost, commands: Readonly<Record<string, Command>>): Routine<void> {
    for (;;) {
      if (this.waiting.length === 0 && !this.ended) this.ask();
      while (this.waiting.length === 0 && !this.ended)
        yield* host.tasks.waitFor(new Promise<void>((resolve) => (this.wake = resolve)), 'the next command');
      const line = this.waiting.shift();
      if (line === undefined) return;
      const [verb = '', ...args] = line.trim().split(/\s+/);
      if (verb === 'quit' || verb === 'exit') return;
      if (verb === '') continue;
      const command = Object.hasOwn(commands, verb) ? commands[verb] : undefined;
      if (verb === 'help') this.help(commands);
      else if (command === undefined)
        this.say({ error: `found ${verb}, expected ${[...Object.keys(commands), 'help', 'quit'].join(', ')}` });
      else this.say(yield* command.run(args));
    }
  }

  /** One line. */
  say(said: Said): void {
    if (this.options.json) return this.io.out(`${JSON.stringify(said)}\n`);
    const words = Object.entries(said).map(([name, value]) => {
      if (name === 'error') return `error: ${String(value)}`;
      return name === 'text' || name === 'bytes' ? String(value) : `${name} ${String(value)}`;
    });
    this.io.out(`${words.length === 0 ? 'done' : words.join(', ')}\n`);
  }

  close(): void {
    this.lines.close();
    process.off('SIGINT', this.stop);
    process.off('SIGTERM', this.stop);
    process.stdin.unref?.();
  }

  private help(commands: Readonly<Record<string, Command>>): void {
    const lines = [...Object.values(commands), { usage: 'quit', does: 'ends' }];
    const width = Math.max(...lines.map(({ usage }) => usage.length));
    if (this.options.json) return this.say({ commands: lines.map(({ usage }) => usage) });
    this.io.out(lines.map(({ usage, does }) => `${usage.padEnd(width)}  ${does}\n`).join(''));
  }

  private ask(): void {
    if (process.stdin.isTTY === true) this.lines.prompt();
  }

  private end(): void {
    this.ended = true;
    this.wake?.();
  }
}
