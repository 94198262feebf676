/**
 * The slots of a ledger by page: for each 512 pages of an mm one table of list heads, since a page may have several
 * device addresses; and a bit for each page that an invalidation took away. The table used last is looked at first.
 */
const PAGES = 512;

class Region {
  /** The page's first slot plus one; 0 where the device reaches nothing. */
  readonly heads: Int32Array = new Int32Array(PAGES);
  readonly taken: Uint32Array = new Uint32Array(PAGES / 32);
  /** Slots, and bits of `taken`. */
  slots = 0;
  takenPages = 0;
}

export class PageIndex {
  private readonly mms = new Map<number, Map<number, Region>>();
  /** For each slot the next one of its page plus one. */
  private next: Int32Array = new Int32Array(PAGES);
  private lastMm = -1;
  private lastNumber = -1;
  private lastRegion: Region | undefined;

  /** Behind the slots that the page has already. @returns whether an invalidation had taken the page away: no longer. */
  add(mm: number, vpn: number, slot: number): 'fresh' | 'taken before' {
    const number = Math.floor(vpn / PAGES);
    const region = this.find(mm, number) ?? this.create(mm, number);
    const at = vpn & (PAGES - 1);
    if (slot >= this.next.length) this.grow(slot);
    this.next[slot] = 0;
    region.slots++;
    let last = region.heads[at];
    if (last === 0) {
      region.heads[at] = slot + 1;
    } else {
      while (this.next[last - 1] !== 0) last = this.next[last - 1];
      this.next[last - 1] = slot + 1;
    }
    return region.takenPages > 0 && giveBack(region, at) ? 'taken before' : 'fresh';
  }

  /** Takes out a slot that is in. */
  remove(mm: number, vpn: number, slot: number): void {
    const number = Math.floor(vpn / PAGES);
    const region = this.find(mm, number) as Region;
    const at = vpn & (PAGES - 1);
    if (region.heads[at] === slot + 1) {
      region.heads[at] = this.next[slot];
    } else {
      let before = region.heads[at];
      while (this.next[before - 1] !== slot + 1) before = this.next[before - 1];
      this.next[before - 1] = this.next[slot];
    }
    region.slots--;
    this.dropIfEmpty(mm, number, region);
  }

  /** Remembers that an invalidation took the page away, which has a slot. */
  take(mm: number, vpn: number): void {
    const region = this.find(mm, Math.floor(vpn / PAGES)) as Region;
    const word = (vpn & (PAGES - 1)) >>> 5;
    const bit = 1 << (vpn & 31);
    if ((region.taken[word] & bit) !== 0) return;
    region.taken[word] |= bit;
    region.takenPages++;
  }

  has(mm: number, vpn: number): boolean {
    const region = this.find(mm, Math.floor(vpn / PAGES));
    return region !== undefined && region.heads[vpn & (PAGES - 1)] !== 0;
  }

  /** Slots of the pages `[first, end)`: costs what is present. */
  *inside(mm: number, first: number, end: number): Iterable<number> {
    const regions = this.mms.get(mm);
    if (regions === undefined) return;
    const from = Math.floor(first / PAGES);
    const behind = Math.ceil(end / PAGES);
    if (behind - from <= regions.size) {
      for (let number = from; number < behind; number++) {
        const region = regions.get(number);
        if (region !== undefined) yield* this.slotsOf(region, number * PAGES, first, end);
      }
    } else {
      for (const [number, region] of regions) {
        if (number >= from && number < behind) yield* this.slotsOf(region, number * PAGES, first, end);
      }
    }
  }

  private *slotsOf({ heads, slots }: Region, base: number, first: number, end: number): Iterable<number> {
    if (slots === 0) return;
    const behind = Math.min(PAGES, end - base);
    for (let at = Math.max(0, first - base); at < behind; at++) {
      for (let slot = heads[at]; slot !== 0; slot = this.next[slot - 1]) yield slot - 1;
    }
  }

  private grow(slot: number): void {
    const longer = new Int32Array(2 * Math.max(slot, this.next.length));
    longer.set(this.next);
    this.next = longer;
  }

  private find(mm: number, number: number): Region | undefined {
    if (this.lastMm === mm && this.lastNumber === number) return this.lastRegion;
    const region = this.mms.get(mm)?.get(number);
    if (region !== undefined) this.remember(mm, number, region);
    return region;
  }

  private create(mm: number, number: number): Region {
    let regions = this.mms.get(mm);
    if (regions === undefined) this.mms.set(mm, (regions = new Map<number, Region>()));
    const region = new Region();
    regions.set(number, region);
    this.remember(mm, number, region);
    return region;
  }

  private remember(mm: number, number: number, region: Region | undefined): void {
    this.lastMm = mm;
    this.lastNumber = number;
    this.lastRegion = region;
  }

  private dropIfEmpty(mm: number, number: number, { slots, takenPages }: Region): void {
    if (slots > 0 || takenPages > 0) return;
    this.mms.get(mm)?.delete(number);
    this.remember(-1, -1, undefined);
  }
}

/** Forgets that the page was taken. @returns whether it was. */
function giveBack(region: Region, at: number): boolean {
  const word = at >>> 5;
  const bit = 1 << (at & 31);
  if ((region.taken[word] & bit) === 0) return false;
  region.taken[word] &= ~bit;
  region.takenPages--;
  return true;
}
