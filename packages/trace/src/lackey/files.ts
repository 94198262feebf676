/**
 * Files of a recording: which one a descriptor means, and how long each must be.
 *
 * A file is known by the path that opened it, so that two mappings of it, in one process or in two, share its pages.
 * Recordings do not say how long files are. A file is made as long as the mappings of it reach, rounded up to whole
 * pages, and grows (`machine truncate`) when a later mapping reaches further: whatever a program touched without a
 * SIGBUS is inside. What lies behind the true end reads as zeros instead of raising one. `ftruncate` of a
 * mapped file is kept; a later write to it gives it its mapped length back.
 */
import type { MmEvent } from '../event.ts';
import { pageUp } from '../pages.ts';

interface KnownFile {
  /** Length in the machine that replays. */
  length: number;
  /** What mappings reach. */
  covered: number;
}

/** Lengths of all files that were mapped; makes the events that create and resize them. */
export class FileTable {
  private readonly files = new Map<string, KnownFile>();

  /** The event, if one is needed, before `file` is mapped up to `end`. */
  cover(file: string, end: number, line: number): MmEvent | undefined {
    const length = pageUp(end);
    const known = this.files.get(file);
    if (known === undefined) {
      this.files.set(file, { length, covered: length });
      return { verb: 'file', actor: { kind: 'machine' }, line, file, length };
    }
    known.covered = Math.max(known.covered, length);
    return length > known.length ? this.resize(file, known, length, line) : undefined;
  }

  /** The event, if one is needed, for `ftruncate`; files that nobody mapped do not matter. */
  truncate(file: string, length: number, line: number): MmEvent | undefined {
    const known = this.files.get(file);
    return known === undefined || known.length === length ? undefined : this.resize(file, known, length, line);
  }

  /** The event, if one is needed, for a write that may have made the file longer. */
  write(file: string, line: number): MmEvent | undefined {
    const known = this.files.get(file);
    if (known === undefined || known.length >= known.covered) return undefined;
    return this.resize(file, known, known.covered, line);
  }

  private resize(file: string, known: KnownFile, length: number, line: number): MmEvent {
    known.length = length;
    return { verb: 'truncate', actor: { kind: 'machine' }, line, file, length };
  }
}

/** A path as a word of the event language: blanks, control characters and `%` become `%20` and the like. */
export function fileWord(path: string): string {
  const word = path.replaceAll(/[\s%\u0000-\u001f\u007f]/g, (char) => encodeURIComponent(char));
  return /^[#=]|^->$|^$/.test(word) ? `./${word}` : word;
}

/** Descriptors of one process. */
export class DescriptorTable {
  private readonly names: Map<number, string>;

  constructor(names: ReadonlyMap<number, string> = new Map()) {
    this.names = new Map(names);
  }

  /** The file behind a descriptor; one that was never seen opened gets a name of its own. */
  name(fd: number, pid: number): string {
    return this.names.get(fd) ?? `descriptor-${fd}-of-${pid}`;
  }

  /** The file behind a descriptor, if it was seen opened. */
  known(fd: number): string | undefined {
    return this.names.get(fd);
  }

  open(fd: number, path: string): void {
    this.names.set(fd, fileWord(path));
  }

  close(fd: number): void {
    this.names.delete(fd);
  }

  duplicate(from: number, to: number): void {
    const name = this.names.get(from);
    if (name === undefined) this.names.delete(to);
    else this.names.set(to, name);
  }

  /** What `fork` gives the child. */
  clone(): DescriptorTable {
    return new DescriptorTable(this.names);
  }
}
