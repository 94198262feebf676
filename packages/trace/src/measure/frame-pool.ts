/** Frames that are in use: anonymous ones by reference count, those of files as long as the recording runs. */

/** Counts frames; their contents are nobody's business here. */
export class FramePool {
  private readonly references: number[] = [0];
  private readonly free: number[] = [];
  private readonly cache = new Map<string, Map<number, number>>();
  private readonly cached = new Set<number>();
  private inUse = 0;
  /** Most frames that were in use at once. */
  peak = 0;

  /** A new frame with one reference. */
  allocate(): number {
    const frame = this.free.pop() ?? this.references.length;
    this.references[frame] = 1;
    this.inUse++;
    if (this.inUse > this.peak) this.peak = this.inUse;
    return frame;
  }

  /** The frame of a file's page, from the page cache or new in it. */
  ofFile(file: string, index: number): number {
    let pages = this.cache.get(file);
    if (pages === undefined) {
      pages = new Map();
      this.cache.set(file, pages);
    }
    let frame = pages.get(index);
    if (frame === undefined) {
      frame = this.allocate();
      this.cached.add(frame);
      pages.set(index, frame);
    }
    return frame;
  }

  isCached(frame: number): boolean {
    return this.cached.has(frame);
  }

  isShared(frame: number): boolean {
    return (this.references[frame] as number) > 1;
  }

  get(frame: number): void {
    if (!this.cached.has(frame)) this.references[frame] = (this.references[frame] as number) + 1;
  }

  /** Drops a reference; an anonymous frame without any is free. Frames of files stay. */
  put(frame: number): void {
    if (this.cached.has(frame)) return;
    const left = (this.references[frame] as number) - 1;
    this.references[frame] = left;
    if (left > 0) return;
    this.free.push(frame);
    this.inUse--;
  }
}
