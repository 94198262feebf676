/** The mappings that loading a program makes, as events. */
import type { MmapFlag, MmEvent } from '../event.ts';
import { type FileTable, fileWord } from '../lackey/files.ts';
import type { PerfMapping } from './perf-line.ts';
import type { PerfProcess } from './perf-process.ts';

/**
 * A fixed mapping for one `PERF_RECORD_MMAP2`, and the file that it needs.
 *
 * The loader maps the whole extent of a program first and takes the part behind its first segment away again, in silence;
 * so what the announcement before this one says beyond this one's start is unmapped.
 */
export function* imageMapping(
  process: PerfProcess,
  mapping: PerfMapping,
  file: string | undefined,
  files: FileTable,
  line: number,
): Generator<MmEvent> {
  const { actor, lastMapping } = process;
  const { start, end, offset, protection } = mapping;
  const length = end - start;
  if (lastMapping !== undefined && lastMapping.start < start && start < lastMapping.end)
    yield { verb: 'munmap', actor, line, address: start, length: lastMapping.end - start };
  process.lastMapping = mapping;
  const recorded = { kind: 'number', value: start } as const;
  const base = { verb: 'mmap', actor, line, address: start, length, protection, recorded } as const;
  if (file === undefined) return yield { ...base, flags: anonymousFlags(mapping.name) };
  const created = files.cover(file, offset + length, line);
  if (created !== undefined) yield created;
  yield { ...base, flags: [mapping.shared ? 'shared' : 'private', 'fixed'], file, offset };
}

function anonymousFlags(name: string): MmapFlag[] {
  const flags: MmapFlag[] = ['private', 'fixed', 'anonymous'];
  return name === '[stack]' ? [...flags, 'growsdown', 'stack'] : flags;
}

/** Names of anonymous memory, and of memory that grows. */
const ANONYMOUS: ReadonlySet<string> = new Set(['//anon', '[heap]', '[stack]', '[anon]']);

/** Files by name. A name that means another file than before gets the inode behind it. */
export class FileNames {
  private readonly inodes = new Map<string, string>();

  /** The file of a mapping; `undefined` for anonymous memory. Special mappings (`[vdso]`) are files that all share. */
  name({ name, inode }: PerfMapping): string | undefined {
    if (ANONYMOUS.has(name)) return undefined;
    const word = fileWord(name.replace(/ \(deleted\)$/, ''));
    const known = this.inodes.get(word);
    if (known === undefined) this.inodes.set(word, inode);
    return known === undefined || known === inode ? word : `${word}@${inode.replace(' ', ':')}`;
  }
}
