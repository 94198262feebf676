/** What lies below the page cache: the bytes of a file on its disk. */

export interface BackingStore {
  /** Fills `into` (4096 bytes) with page `index`. */
  read(index: number, into: Uint8Array): void;
  write(index: number, from: Uint8Array): void;
  /** Pages `first` up to `behind` are zero from now on. */
  punch(first: number, behind: number): void;
  /** Forgets everything behind `length` bytes. */
  truncate(length: number): void;
}

/** Fills `into` (4096 bytes) with what page `index` of a file holds before anybody writes it. @public */
export type PageFiller = (index: number, into: Uint8Array) => void;

const ZEROS = new Uint8Array(4096);

/** Sparse pages in memory; what was never written comes from `fill`, or is zero. */
export class MemoryStore implements BackingStore {
  private readonly pages = new Map<number, Uint8Array>();
  private readonly fill: PageFiller | undefined;
  private length: number;

  constructor(length: number, fill?: PageFiller) {
    this.length = length;
    this.fill = fill;
  }

  read(index: number, into: Uint8Array): void {
    const page = this.pages.get(index);
    if (page) into.set(page);
    else if (this.fill && index * 4096 < this.length) this.fill(index, into);
    else into.fill(0);
    const rest = this.length - index * 4096;
    if (page === undefined && rest > 0 && rest < 4096) into.fill(0, rest);
  }

  write(index: number, from: Uint8Array): void {
    this.pages.set(index, from.slice());
  }

  punch(first: number, behind: number): void {
    for (const index of this.pages.keys()) if (index >= first && index < behind) this.pages.delete(index);
    if (this.fill === undefined) return;
    const last = Math.min(behind, Math.ceil(this.length / 4096));
    for (let index = first; index < last; index++) this.pages.set(index, ZEROS);
  }

  truncate(length: number): void {
    this.length = Math.min(this.length, length);
    for (const index of [...this.pages.keys()]) {
      if (index * 4096 >= length) this.pages.delete(index);
      else if ((index + 1) * 4096 > length) this.pages.get(index)?.fill(0, length - index * 4096);
    }
  }
}
