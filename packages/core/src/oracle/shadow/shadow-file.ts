/** What a file must hold: what it was created with, and every byte that was stored or written since. */
import type { PageFiller } from '../../page-cache/backing-store.ts';
import { ShadowPage } from './shadow-page.ts';

export class ShadowFile {
  private readonly pages = new Map<number, ShadowPage>();
  private readonly fill: PageFiller | undefined;
  /** Bytes that still are as the file was created. */
  private original: number;
  /** While it is being truncated or a hole punched: pages whose contents may be either, and those stored to meanwhile. */
  changing: { readonly first: number; readonly behind: number; readonly stored: Set<number> } | undefined;

  constructor(length: number, fill: PageFiller | undefined) {
    this.original = length;
    this.fill = fill;
  }

  page(index: number): ShadowPage {
    let page = this.pages.get(index);
    if (page === undefined) {
      page = new ShadowPage(this.originalBytes(index));
      this.pages.set(index, page);
    }
    return page;
  }

  isChanging(index: number): boolean {
    const { changing } = this;
    return changing !== undefined && index >= changing.first && index < changing.behind;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const at = (offset + done) % 4096;
      const chunk = bytes.subarray(done, done + Math.min(4096 - at, bytes.length - done));
      this.page(Math.floor((offset + done) / 4096)).bytes.set(chunk, at);
      done += chunk.length;
    }
  }

  /** Contents behind `length` are gone; the rest of the last page is zero. */
  truncate(length: number): void {
    for (const [index, page] of this.pages) {
      if (index * 4096 >= length) this.pages.delete(index);
      else if ((index + 1) * 4096 > length) page.bytes.fill(0, length - index * 4096);
    }
    this.original = Math.min(this.original, length);
    this.settle();
  }

  /** Pages `first` up to `behind` are zero now. */
  punch(first: number, behind: number): void {
    for (const index of this.pages.keys()) if (index >= first && index < behind) this.pages.delete(index);
    const last = Math.min(behind, Math.ceil(this.original / 4096));
    for (let index = first; index < last; index++) this.pages.set(index, new ShadowPage(new Uint8Array(4096)));
    this.settle();
  }

  private settle(): void {
    for (const index of this.changing?.stored ?? []) this.pages.set(index, ShadowPage.unknown());
    this.changing = undefined;
  }

  private originalBytes(index: number): Uint8Array {
    const bytes = new Uint8Array(4096);
    const rest = this.original - index * 4096;
    if (rest <= 0) return bytes;
    this.fill?.(index, bytes);
    if (rest < 4096) bytes.fill(0, rest);
    return bytes;
  }
}
