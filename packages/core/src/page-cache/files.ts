/** The files of a machine, by name. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import type { MachineFiles } from '../machine-api.ts';
import type { Vma } from '../mm/vma.ts';
import { MemoryStore, type PageFiller } from './backing-store.ts';
import { dropFile } from './evict.ts';
import { File, type FileKind } from './file.ts';
import { readAhead } from './read-ahead.ts';
import { truncateFile } from './truncate.ts';
import { writeFile } from './write.ts';
import { syncFile } from './writeback.ts';

export class Files implements MachineFiles {
  private readonly kernel: Kernel;
  private readonly byName = new Map<string, File<Vma>>();
  private count = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  get(name: string): File<Vma> | undefined {
    return this.byName.get(name);
  }

  /**
   * A file on a disk. @param content - Its bytes, or what fills a page; zeros behind it.
   * @throws UsageError when there is one of that name.
   */
  create(name: string, length: number, content?: Uint8Array | PageFiller): File<Vma> {
    if (this.byName.has(name)) throw new UsageError('file-exists', `there is a file ${name} already`);
    const file = this.add(name, 'disk', length, typeof content === 'function' ? content : content && fillerOf(content));
    this.byName.set(name, file);
    return file;
  }

  /** What lies below shared anonymous memory: it goes with its last mapping. */
  createShmem(length: number): File<Vma> {
    return this.add(undefined, 'shmem', length, undefined);
  }

  *readAhead(name: string, offset: number = 0, length: number = Infinity): Routine<Errno | undefined> {
    const file = this.byName.get(name);
    return file === undefined ? 'ENOENT' : yield* readAhead(this.kernel, file, offset, offset + length);
  }

  *truncate(name: string, length: number): Routine<Errno | undefined> {
    const file = this.byName.get(name);
    return file === undefined ? 'ENOENT' : yield* truncateFile(this.kernel, file, length);
  }

  *write(name: string, offset: number, bytes: Uint8Array): Routine<Errno | undefined> {
    const file = this.byName.get(name);
    return file === undefined ? 'ENOENT' : yield* writeFile(this.kernel, file, offset, bytes);
  }

  *sync(name: string): Routine<Errno | undefined> {
    const file = this.byName.get(name);
    if (file === undefined) return 'ENOENT';
    yield* syncFile(this.kernel, file);
    return undefined;
  }

  /** Forgets every file. Nobody may map one. @sleeps May. */
  *drop(): Routine<void> {
    for (const file of this.byName.values()) yield* dropFile(this.kernel, file);
    this.byName.clear();
  }

  private add(name: string | undefined, kind: FileKind, length: number, fill: PageFiller | undefined): File<Vma> {
    const { scheduler, lockdep, files, observer, kconfig } = this.kernel;
    const iMmapSleeps = kconfig.MMU_NOTIFIER_SLEEPABLE ? 'may' : 'never';
    const id = ++this.count;
    const file = new File<Vma>(id, name, kind, length, new MemoryStore(length, fill), scheduler, lockdep, iMmapSleeps);
    files.set(id, file);
    observer?.fileCreated(file, fill);
    return file;
  }
}

function fillerOf(bytes: Uint8Array): PageFiller {
  return (index, into) => {
    into.fill(0);
    into.set(bytes.subarray(index * 4096, (index + 1) * 4096));
  };
}
