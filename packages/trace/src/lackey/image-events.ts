/** The events that build a new image from its layout at start. */
import type { MmapFlag, MmEvent } from '../event.ts';
import { fileWord } from './files.ts';
import type { FileTable } from './files.ts';
import type { Layout, LayoutSegment } from './layout.ts';
import type { TracedProcess } from './traced-process.ts';

/**
 * Files that are new or too short, a fixed mapping for each segment, the stack with room to grow down, and
 * `brk 0x0 = START` for the heap.
 *
 * valgrind keeps the first page of the heap mapped before the program asks for it; a kernel does not, and
 * a mapping there would be in the way of the first `brk`. So that page is left out.
 */
export function* imageEvents(
  process: TracedProcess,
  layout: Layout,
  files: FileTable,
  line: number,
): Generator<MmEvent> {
  const { actor } = process;
  for (const segment of layout.segments) {
    const length = segment.end - segment.start;
    if (segment.file !== undefined) {
      const created = files.cover(fileWord(segment.file), (segment.offset ?? 0) + length, line);
      if (created !== undefined) yield created;
    }
    if (segment.file === undefined && segment.start === layout.heapStart) continue;
    const recorded = { kind: 'number', value: segment.start } as const;
    const base = { verb: 'mmap', actor, line, address: segment.start, length, recorded } as const;
    const file = segment.file === undefined ? {} : { file: fileWord(segment.file), offset: segment.offset ?? 0 };
    yield { ...base, protection: segment.protection, flags: flagsOf(segment, layout), ...file };
  }
  if (layout.heapStart === undefined) return;
  yield { verb: 'brk', actor, line, address: 0, recorded: { kind: 'number', value: layout.heapStart } };
}

function flagsOf(segment: LayoutSegment, layout: Layout): MmapFlag[] {
  if (segment.file !== undefined) return ['private', 'fixed'];
  return segment === layout.stack
    ? ['private', 'fixed', 'anonymous', 'growsdown', 'stack']
    : ['private', 'fixed', 'anonymous'];
}
