/** Where swapped pages lie: a real file, or memory for exploration. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The device failed: a full disk, a file that vanished. The user's environment, not the model. @public */
export class SwapDeviceError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SwapDeviceError';
  }
}

/** Slots of 4096 bytes. @public */
export interface SwapDevice {
  read(slot: number, into: Uint8Array): void;
  write(slot: number, from: Uint8Array): void;
  close(): void;
}

/** Pages in memory: exploration re-creates machines far too often for a disk. @public */
export class MemorySwapDevice implements SwapDevice {
  private readonly pages = new Map<number, Uint8Array>();

  read(slot: number, into: Uint8Array): void {
    const page = this.pages.get(slot);
    if (page === undefined) throw new SwapDeviceError(`swap slot ${slot} is read before it was written`);
    into.set(page);
  }

  write(slot: number, from: Uint8Array): void {
    this.pages.set(slot, from.slice());
  }

  close(): void {
    this.pages.clear();
  }
}

/** A real file on disk, removed on close. @public */
export class FileSwapDevice implements SwapDevice {
  private readonly directory: string;
  private readonly path: string;
  private readonly descriptor: number;

  /** @param parent - Folder for the file; the system's temporary folder unless given. */
  constructor(parent: string = tmpdir()) {
    try {
      this.directory = mkdtempSync(join(parent, 'mmu-notifier-swap-'));
      this.path = join(this.directory, 'swap');
      this.descriptor = openSync(this.path, 'w+');
    } catch (error) {
      throw new SwapDeviceError(`no swap file can be made in ${parent}: ${reason(error)}`);
    }
    // Open and without a name where the system permits that: nothing stays behind, however this program ends.
    try {
      rmSync(this.directory, { recursive: true, force: true });
    } catch {
      // `close` tries again.
    }
  }

  read(slot: number, into: Uint8Array): void {
    let got = 0;
    try {
      got = readSync(this.descriptor, into, 0, 4096, slot * 4096);
    } catch (error) {
      throw new SwapDeviceError(`swap file ${this.path} cannot be read: ${reason(error)}`);
    }
    if (got !== 4096) throw new SwapDeviceError(`swap file ${this.path} ends inside slot ${slot}`);
  }

  write(slot: number, from: Uint8Array): void {
    try {
      let done = 0;
      while (done < 4096) done += writeSync(this.descriptor, from, done, 4096 - done, slot * 4096 + done);
    } catch (error) {
      throw new SwapDeviceError(`swap file ${this.path} cannot be written: ${reason(error)}`);
    }
  }

  close(): void {
    closeSync(this.descriptor);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
