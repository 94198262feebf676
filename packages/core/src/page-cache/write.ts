/** `write` on a file: through the page cache, so that every mapping sees it at once. Mirrors `generic_perform_write`. */
import type { Errno, Routine } from '@mmu-notifier/plugin-api';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { Vma } from '../mm/vma.ts';
import type { File } from './file.ts';
import { getLockedPage } from './filemap.ts';

/** @locks Takes the inode lock for writing. @sleeps May. */
export function* writeFile(
  kernel: Kernel,
  file: File<Vma>,
  offset: number,
  bytes: Uint8Array,
): Routine<Errno | undefined> {
  yield* file.inodeLock.acquireWrite();
  if (offset + bytes.length > file.length) {
    file.length = offset + bytes.length;
  }
  let error: Errno | undefined;
  for (let done = 0; done < bytes.length && error === undefined;) {
    const at = offset + done;
    const chunk = bytes.subarray(done, done + Math.min(bytes.length - done, 4096 - (at % 4096)));
    error = yield* writeChunk(kernel, file, at, chunk);
    done += chunk.length;
  }
  file.inodeLock.releaseWrite();
  return error;
}

function* writeChunk(kernel: Kernel, file: File<Vma>, at: number, chunk: Uint8Array): Routine<Errno | undefined> {
  const pfn = yield* getLockedPage(kernel, file, Math.floor(at / 4096), 'excluded');
  if (typeof pfn === 'string') return 'ENOMEM';
  const { memory } = kernel.allocator;
  memory.bytes(pfn).set(chunk, memory.byteOffset(pfn) + (at % 4096));
  kernel.frames.set(pfn, FrameFlags.Dirty);
  kernel.observer?.fileWritten(file, at, chunk);
  kernel.folioLocks.unlock(pfn);
  kernel.allocator.put(pfn);
  return undefined;
}
