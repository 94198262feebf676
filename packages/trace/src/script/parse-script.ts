/** A whole script: parsed to its end before anything of it runs. */
import type { MmEvent } from '../event.ts';
import type { Verdict } from '../verdict.ts';
import { ScriptParser } from './script-parser.ts';

/** A parsed `.mm` file. @public */
export interface Script {
  readonly file: string;
  /** Events in file order: set-up (no task), then those of the tasks, then closing (no task). */
  readonly events: readonly MmEvent[];
  /** Names of the tasks in order of appearance; empty for a sequential script. */
  readonly tasks: readonly string[];
  readonly verdicts: readonly Verdict[];
  /** How it wants to be run: the words of its `#! run` lines, as behind `mmu-notifier run`. */
  readonly options: readonly string[];
}

/** Names that the script may use without making them. @public */
export interface ParseScriptOptions {
  /** Devices that are attached before the script begins. */
  readonly devices?: readonly string[];
}

/**
 * Parses a script.
 *
 * @param text - The whole file.
 * @param file - Its name, for errors.
 * @throws {@link TraceError} on the first line that is wrong.
 * @public
 */
export function parseScript(text: string, file: string, options: ParseScriptOptions = {}): Script {
  const parser = new ScriptParser(file, options.devices);
  const events: MmEvent[] = [];
  const verdicts: Verdict[] = [];
  const runWith: string[] = [];
  let line = 0;
  for (const lineText of text.split('\n')) {
    line++;
    const parsed = parser.parse(line === 1 ? lineText.replace(/^\uFEFF/, '') : lineText, line);
    if (parsed === undefined) runWith.push(...optionsIn(lineText));
    else if ('event' in parsed) events.push(parsed.event);
    else verdicts.push(parsed.verdict);
  }
  return { file, events, tasks: parser.tasks, verdicts, options: runWith };
}

function optionsIn(line: string): string[] {
  return /^#!\s*run\s+(.*)$/.exec(line)?.[1]?.trim().split(/\s+/) ?? [];
}
