/**
 * A file that is there whole or not at all: it grows under another name in the same folder and gets its own when it is
 * finished. Whatever ends the program before (an error, ^C, even the second one that waits for nothing) takes it away.
 */
import { closeSync, existsSync, openSync, realpathSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from './errors.ts';

const BUFFER_BYTES = 2 ** 18;

export class OutputFile {
  /** As the user wrote it. */
  readonly path: string;
  /** Written so far. */
  bytes = 0;
  private readonly option: string;
  private readonly target: string;
  private readonly temporary: string;
  private readonly buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  private buffered = 0;
  private descriptor: number | undefined;
  private readonly onExit = (): void => this.discard();

  /**
   * Begins the file, so that a place where nothing can be written is known before any work.
   *
   * @param option - The option that an error mentions.
   * @throws InputError where there can be no such file.
   */
  constructor(path: string, option: string) {
    this.path = path;
    this.option = option;
    this.target = targetOf(path, option);
    this.temporary = join(dirname(this.target), `.${basename(this.target)}.${option.slice(2)}-${process.pid}.part`);
    this.descriptor = this.attempt(() => openSync(this.temporary, 'wx', 0o666));
    process.on('exit', this.onExit);
  }

  /** Where it will lie; two outputs must not share it. */
  get place(): string {
    return this.target;
  }

  write(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    if (this.buffered + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.writeAll(bytes, bytes.length);
      return;
    }
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
  }

  /** Gives it its name; a file that was there is replaced. */
  finish(): void {
    this.flush();
    this.close();
    this.attempt(() => renameSync(this.temporary, this.target));
    process.off('exit', this.onExit);
  }

  /** Takes it away, unless it is finished. */
  discard(): void {
    if (this.descriptor === undefined) return;
    this.close();
    rmSync(this.temporary, { force: true });
    process.off('exit', this.onExit);
  }

  private flush(): void {
    this.writeAll(this.buffer, this.buffered);
    this.buffered = 0;
  }

  private writeAll(bytes: Uint8Array, length: number): void {
    const { descriptor } = this;
    if (descriptor === undefined) return;
    for (let done = 0; done < length;) {
      done += this.attempt(() => writeSync(descriptor, bytes, done, length - done));
    }
  }

  private close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private attempt<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.discard();
      throw new InputError(`${this.option}: ${this.path}: ${found(error, dirname(this.target))}`);
    }
  }
}

/** The file itself, where the path is a link to it. */
function targetOf(path: string, option: string): string {
  if (path === '') throw new InputError(`${option}: found nothing, expected the name of a file to write`);
  let status;
  try {
    status = statSync(path);
  } catch {
    return resolve(path);
  }
  if (status.isFile()) return realpathSync(path);
  const kind = status.isDirectory() ? 'a directory' : 'something that is no regular file';
  throw new InputError(`${option}: ${path}: found ${kind}, expected the name of a file to write`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'found no such folder',
  ENOTDIR: 'found a file where a folder is needed',
  EACCES: 'found that the folder does not let us write',
  EPERM: 'found that the folder does not let us write',
  EROFS: 'found a file system that is read-only',
  ENOSPC: 'found no room on the disk',
  ENAMETOOLONG: 'found a name that is too long',
};

function found(error: unknown, folder: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // Some file systems that take no new files, /proc for one, say that the file is not there.
  const known = code === 'ENOENT' && existsSync(folder) ? undefined : REASONS[code];
  return `${known ?? `found that it cannot be written (${message})`}, expected a file that can be written`;
}
