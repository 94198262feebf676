/** What one page must hold. Forked processes share the object until one of them writes. */
export class ShadowPage {
  readonly bytes: Uint8Array;
  /** Address spaces that share it. */
  sharers = 1;
  /**
   * `unknown`: a store and a change of the mapping raced, either may have won; the next access tells. `lazy`: after
   * MADV_FREE, old contents or zeros.
   */
  state: 'known' | 'unknown' | 'lazy' = 'known';

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static unknown(): ShadowPage {
    const page = new ShadowPage(new Uint8Array(4096));
    page.state = 'unknown';
    return page;
  }

  /** A copy for one address space. */
  unshare(): ShadowPage {
    if (this.sharers === 1) return this;
    this.sharers--;
    const copy = new ShadowPage(this.bytes.slice());
    copy.state = this.state;
    return copy;
  }

  /** Learns from the page that is really there. */
  adopt(slab: Uint8Array, base: number): void {
    this.bytes.set(slab.subarray(base, base + 4096));
    this.state = 'known';
  }
}
