/**
 * The data oracle: an independent copy of what every address space and every file must hold, kept from the calls and the
 * stores alone. A load that finds something else is a violation: a lost write, a page that came back from swap with
 * other bytes, a stale translation.
 *
 * It leaves out what really is open: a load or store that races with a change of the same range (munmap, DONTNEED, a
 * move, truncate, fork) may fall on either side; such a page is learnt anew from the next access.
 */
import type { Kernel } from '../../kernel.ts';
import { hex } from '../../contract.ts';
import type { MmStruct } from '../../mm/mm-struct.ts';
import type { Vma } from '../../mm/vma.ts';
import type { PageFiller } from '../../page-cache/backing-store.ts';
import { DEVICE_FILE, type File } from '../../page-cache/file.ts';
import type { DevicePtes } from '../device-ptes.ts';
import { ShadowFile } from './shadow-file.ts';
import { ShadowPage } from './shadow-page.ts';
import { ShadowSpace } from './shadow-space.ts';

export class Shadow {
  /** Loads whose bytes were compared. */
  verifiedLoads = 0;
  trackedStores = 0;
  /** Windows that drivers back show no bytes of their address space. */
  devicePtes: DevicePtes | undefined;
  private readonly spaces = new Map<number, ShadowSpace>();
  private readonly files = new Map<number, ShadowFile>();
  private readonly kernel: () => Kernel;

  constructor(kernel: () => Kernel) {
    this.kernel = kernel;
  }

  /** A load found the bytes at `address`, inside the page that begins at `base` of `slab`. */
  loaded(mm: MmStruct, address: number, length: number, slab: Uint8Array, base: number): void {
    const space = this.spaceOf(mm);
    const vpn = Math.floor(address / 4096);
    if (space.changesAt(vpn).length > 0) return;
    const page = space.pages.get(vpn) ?? this.filePage(space, vpn);
    if (page === 'device') this.devicePtes?.accessed('load', mm, address, length, slab, base);
    if (typeof page === 'string') return;
    this.verifiedLoads++;
    const offset = address - vpn * 4096;
    if (page === undefined) this.expectZeros(mm, address, length, slab, base + offset);
    else if (page.state === 'known') this.expectBytes(mm, address, length, slab, base + offset, page.bytes, offset);
    else if (page.state === 'unknown') page.adopt(slab, base);
    else this.settle(mm, vpn, page, slab, base, 0, 0);
  }

  /** A store has put its bytes into the page. */
  stored(mm: MmStruct, address: number, length: number, slab: Uint8Array, base: number): void {
    const space = this.spaceOf(mm);
    const vpn = Math.floor(address / 4096);
    this.trackedStores++;
    for (const fork of space.forks) fork.stored.add(vpn);
    const changes = space.changesAt(vpn);
    for (const change of changes) change.stored.add(vpn);
    if (changes.length > 0) return;
    const offset = address - vpn * 4096;
    const page = this.storedPage(space, vpn);
    if (page === 'device') this.devicePtes?.accessed('store', mm, address, length, slab, base);
    if (typeof page === 'string') return;
    if (page.state === 'unknown') page.adopt(slab, base);
    else if (page.state === 'lazy') this.settle(mm, vpn, page, slab, base, offset, length);
    for (let i = 0; i < length; i++) page.bytes[offset + i] = slab[base + offset + i];
  }

  fileCreated(file: File<Vma>, fill: PageFiller | undefined): void {
    this.files.set(file.id, new ShadowFile(file.length, fill));
  }

  fileWritten(file: File<Vma>, offset: number, bytes: Uint8Array): void {
    this.files.get(file.id)?.write(offset, bytes);
  }

  truncating(file: File<Vma>, length: number): void {
    const shadow = this.files.get(file.id);
    if (shadow !== undefined && length < file.length)
      shadow.changing = { first: Math.floor(length / 4096), behind: Infinity, stored: new Set() };
  }

  punching(file: File<Vma>, first: number, behind: number): void {
    const shadow = this.files.get(file.id);
    if (shadow !== undefined) shadow.changing = { first, behind, stored: new Set() };
  }

  punched(file: File<Vma>, first: number, behind: number): void {
    this.files.get(file.id)?.punch(first, behind);
  }

  /** Private copies of what lies behind the end are gone too. */
  truncated(file: File<Vma>, length: number): void {
    const shadow = this.files.get(file.id);
    // A file that grows keeps what was stored behind its end, in its last page.
    if (shadow?.changing === undefined) return;
    shadow.truncate(length);
    const first = Math.ceil(length / 4096);
    for (const space of this.spaces.values()) {
      for (const mapping of space.mappings) {
        if (mapping.file !== file.id) continue;
        const start = mapping.start + Math.max(0, first - mapping.pgoff) * 4096;
        if (start < mapping.end) space.drop(start, mapping.end);
      }
    }
  }

  mapped(mm: MmStruct, start: number, end: number, file: File<Vma> | undefined, pgoff: number, shared: boolean): void {
    const space = this.spaceOf(mm);
    space.end(start, end);
    space.drop(start, end);
    space.mappings.set({ start, end, file: file?.id ?? 0, pgoff, shared });
  }

  unmapped(mm: MmStruct, start: number, end: number): void {
    const space = this.spaceOf(mm);
    space.end(start, end);
    space.drop(start, end);
    space.mappings.clear(start, end);
  }

  contentsChanging(mm: MmStruct, start: number, end: number): void {
    this.spaceOf(mm).begin(start, end);
  }

  contentsUnchanged(mm: MmStruct, start: number, end: number): void {
    const space = this.spaceOf(mm);
    space.forget(privateOnes(space, space.end(start, end)));
  }

  discarded(mm: MmStruct, start: number, end: number): void {
    const space = this.spaceOf(mm);
    const stored = space.endOne(start, end);
    space.drop(start, end);
    space.forget(privateOnes(space, stored));
  }

  lazilyFreed(mm: MmStruct, start: number, end: number): void {
    const space = this.spaceOf(mm);
    const stored = space.endOne(start, end);
    for (const vpn of space.numbersInside(start / 4096, end / 4096)) {
      const page = (space.pages.get(vpn) as ShadowPage).unshare();
      if (page.state === 'known') page.state = 'lazy';
      space.pages.set(vpn, page);
    }
    space.forget(stored);
  }

  /** The range is still mapped at `from`, empty; whoever moved it unmaps it or says what it shows now. */
  moved(mm: MmStruct, from: number, to: number, length: number): void {
    const space = this.spaceOf(mm);
    const distance = to - from;
    const stored = space.end(from, from + length).map((vpn) => vpn + distance / 4096);
    stored.push(...space.end(to, to + length));
    for (const part of space.mappings.inside(from, from + length)) {
      space.mappings.set({ ...part, start: part.start + distance, end: part.end + distance });
    }
    for (const vpn of space.numbersInside(from / 4096, (from + length) / 4096)) {
      space.pages.set(vpn + distance / 4096, space.pages.get(vpn) as ShadowPage);
      space.pages.delete(vpn);
    }
    space.forget(privateOnes(space, stored));
  }

  /** What the copy shows is what the file showed when it was made; under a scheduler only the frame knows that. */
  copied(mm: MmStruct, va: number, pfn: number): void {
    const space = this.spaceOf(mm);
    const vpn = va / 4096;
    if (space.pages.has(vpn) || (space.mappings.at(va)?.file ?? 0) === 0) return;
    const kernel = this.kernel();
    const file = this.filePage(space, vpn);
    const page = new ShadowPage(new Uint8Array(4096));
    if (kernel.scheduler.preemptive || typeof file !== 'object') page.adopt(kernel.allocator.memory.page(pfn), 0);
    else page.bytes.set(file.bytes);
    space.pages.set(vpn, page);
  }

  forkBegan(parent: MmStruct, child: MmStruct): void {
    this.spaceOf(parent).forks.push({ child: child.id, stored: new Set() });
  }

  forked(parent: MmStruct, child: MmStruct, start: number, end: number): void {
    const from = this.spaceOf(parent);
    const to = this.spaceOf(child);
    for (const part of from.mappings.inside(start, end)) to.mappings.set(part);
    for (const vpn of from.numbersInside(start / 4096, end / 4096)) {
      const page = from.pages.get(vpn) as ShadowPage;
      page.sharers++;
      to.pages.set(vpn, page);
    }
  }

  /** What other threads of the parent stored meanwhile may have gone to a page that the child shares, or not. */
  forkEnded(parent: MmStruct, child: MmStruct): void {
    const from = this.spaceOf(parent);
    const at = from.forks.findIndex((fork) => fork.child === child.id);
    const [fork] = from.forks.splice(at, 1);
    const to = this.spaceOf(child);
    to.forget([...(fork?.stored ?? [])].filter((vpn) => to.pages.has(vpn)));
  }

  mmGone(mm: MmStruct): void {
    const space = this.spaces.get(mm.id);
    for (const page of space?.pages.values() ?? []) page.sharers--;
    this.spaces.delete(mm.id);
  }

  private spaceOf(mm: MmStruct): ShadowSpace {
    let space = this.spaces.get(mm.id);
    if (space === undefined) this.spaces.set(mm.id, (space = new ShadowSpace()));
    return space;
  }

  /** The page of the file behind `vpn`; `undefined` for anonymous memory. */
  private filePage(space: ShadowSpace, vpn: number): ShadowPage | 'changing' | 'device' | undefined {
    const mapping = space.mappings.at(vpn * 4096);
    if (mapping?.file === DEVICE_FILE) return 'device';
    const file = mapping && this.files.get(mapping.file);
    if (mapping === undefined || file === undefined) return undefined;
    const index = mapping.pgoff + vpn - mapping.start / 4096;
    return file.isChanging(index) ? 'changing' : file.page(index);
  }

  /** The page that a store of this address space changes. */
  private storedPage(space: ShadowSpace, vpn: number): ShadowPage | 'changing' | 'device' {
    const mapping = space.mappings.at(vpn * 4096);
    if (mapping?.shared === true) {
      const page = this.filePage(space, vpn);
      const file = this.files.get(mapping.file);
      if (page === 'changing') file?.changing?.stored.add(mapping.pgoff + vpn - mapping.start / 4096);
      if (page !== undefined) return page;
    }
    const old = space.pages.get(vpn);
    const page = old?.unshare() ?? new ShadowPage(new Uint8Array(4096));
    if (page !== old) space.pages.set(vpn, page);
    return page;
  }

  private expectZeros(mm: MmStruct, address: number, length: number, slab: Uint8Array, at: number): void {
    for (let i = 0; i < length; i++) if (slab[at + i] !== 0) this.differs(mm, address + i, slab[at + i], 0);
  }

  private expectBytes(
    mm: MmStruct,
    address: number,
    length: number,
    slab: Uint8Array,
    at: number,
    bytes: Uint8Array,
    offset: number,
  ): void {
    for (let i = 0; i < length; i++) {
      if (slab[at + i] !== bytes[offset + i]) this.differs(mm, address + i, slab[at + i], bytes[offset + i]);
    }
  }

  /** A lazily freed page: the old bytes stay possible, all zeros settle it, and so does a store. */
  private settle(
    mm: MmStruct,
    vpn: number,
    page: ShadowPage,
    slab: Uint8Array,
    base: number,
    storedAt: number,
    storedLength: number,
  ): void {
    let [old, zero] = [true, true];
    for (let i = 0; i < 4096; i++) {
      if (i >= storedAt && i < storedAt + storedLength) continue;
      if (slab[base + i] !== page.bytes[i]) old = false;
      if (slab[base + i] !== 0) zero = false;
    }
    if (!old && !zero) {
      this.fail(`lazily freed page ${hex(vpn * 4096)} of mm ${mm.id} holds neither its old bytes nor zeros`);
    }
    if (zero || storedLength > 0) page.adopt(slab, base);
  }

  private differs(mm: MmStruct, address: number, found: number, expected: number): never {
    return this.fail(
      `load of ${hex(address)} in mm ${mm.id} found ${hex(found)}, the last store left ${hex(expected)}`,
    );
  }

  private fail(message: string): never {
    return this.kernel().scheduler.fail('data', message);
  }
}

/** Pages of private mappings: a store to a shared one went to the file, whatever became of the mapping. */
function privateOnes(space: ShadowSpace, vpns: readonly number[]): number[] {
  return vpns.filter((vpn) => space.mappings.at(vpn * 4096)?.shared === false);
}
