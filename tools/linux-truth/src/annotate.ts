/** A script with the answers of one side beside its lines, to be read. */
import type { Run } from './run-command.ts';

interface MapsEntry {
  readonly start: string;
  readonly end: string;
  readonly prot: string;
  readonly shared: boolean;
  readonly offset: string;
  readonly file: string | null;
}

const COLUMN = 66;

export function annotate(script: string, run: Run): string {
  const answers = new Map<number, string>();
  for (const text of run.lines) {
    const { line, ...fields } = JSON.parse(text) as { line: number };
    answers.set(line, printAnswer(fields));
  }
  const lines = script.trimEnd().split('\n');
  return lines.map((line, at) => withAnswer(line, answers.get(at + 1))).join('\n');
}

function withAnswer(line: string, answer: string | undefined): string {
  return answer === undefined ? line : `${line.padEnd(COLUMN)} ${answer}`;
}

/** `0x100000000`, `SIGSEGV SEGV_MAPERR 0x0`, or the mappings of `maps` in one line. */
export function printAnswer(fields: Readonly<Record<string, unknown>>): string {
  const { result } = fields;
  if (Array.isArray(result)) return (result as MapsEntry[]).map(printEntry).join('  ') || 'nothing';
  return Object.values(fields)
    .map((value) => (value === null ? 'done' : String(value)))
    .join(' ');
}

function printEntry({ start, end, prot, shared, offset, file }: MapsEntry): string {
  return `${start}-${end} ${prot}${shared ? 's' : 'p'}${file === null ? '' : ` ${file}+${offset}`}`;
}
