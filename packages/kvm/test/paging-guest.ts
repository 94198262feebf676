/** A guest that has page tables of its own: four levels in its memory, written as its kernel would write them. */
import { GPTE_BYTES, GpteBits, gpteIndex, makeGpte } from '../src/guest/gpte.ts';
import { toBytes } from '../src/guest/walk.ts';
import type { KvmOptions } from '../src/options.ts';
import { BASE, Guest, PAGE } from './guest.ts';

const { Present, Writable, User, Accessed, Dirty, PageSize } = GpteBits;
/** Tables allow everything; the last entry decides. */
const TABLE = Present | Writable | User | Accessed;

/** Flags of a page of the guest. */
export interface PageFlags {
  readonly writable?: boolean;
  readonly user?: boolean;
  readonly noExecute?: boolean;
  /** Not set yet; hardware or KVM has to. */
  readonly clean?: boolean;
  readonly present?: boolean;
  /** 2: a page of 2 MiB. */
  readonly level?: 1 | 2;
}

export class PagingGuest extends Guest {
  /** gpas of the tables by level and gva prefix; they equal the process's addresses. */
  readonly tables = new Map<string, number>();
  private nextTable = BASE + 64 * PAGE;
  readonly cr3: number;

  constructor(options: KvmOptions = { mode: 'shadow' }) {
    super(options);
    this.host.map(this.mm, BASE, 256);
    this.cr3 = this.newTable('4');
    this.registers('paging=on', 'write_protect=on', 'nx=on', `cr3=${this.cr3}`);
  }

  registers(...words: string[]): unknown {
    return this.act('registers', words);
  }

  invlpg(gva: number): unknown {
    return this.act('invlpg', [String(gva)]);
  }

  fetch(gva: number): unknown {
    return this.act('guest', ['fetch', 'gva', String(gva), '1']);
  }

  act(action: string, words: readonly string[]): unknown {
    return this.run(this.device.actions![action]!(this.process, words));
  }

  /** Maps a page of the guest; writes its entry through the guest's own physical memory. */
  mapPage(gva: number, gpa: number, flags: PageFlags = {}): void {
    const level = flags.level ?? 1;
    this.writeEntry(this.entryOf(gva, level), gpa, flags);
  }

  /** Where the last entry of the address lies; makes the tables on the way. */
  entryOf(gva: number, level = 1): number {
    let table = this.cr3;
    let name = '4';
    for (let at = 4; at > level; at--) {
      const index = gpteIndex(gva, at);
      name += `.${index}`;
      let next = this.tables.get(name);
      if (next === undefined) {
        next = this.newTable(name);
        this.put(table + index * GPTE_BYTES, toBytes(...makeGpte(next / PAGE, TABLE)));
      }
      table = next;
    }
    return table + gpteIndex(gva, level) * GPTE_BYTES;
  }

  writeEntry(entry: number, gpa: number, flags: PageFlags = {}): void {
    const { writable = true, user = true, noExecute = false, clean = false, present = true, level = 1 } = flags;
    const low =
      (present ? Present : 0) |
      (writable ? Writable : 0) |
      (user ? User : 0) |
      (clean ? 0 : Accessed | Dirty) |
      (level === 2 ? PageSize : 0);
    this.put(entry, toBytes(...makeGpte(gpa / PAGE, low, noExecute)));
  }

  /** The guest's kernel writes its memory. */
  put(gpa: number, bytes: Uint8Array): void {
    const result = this.store(gpa, [...bytes], 'gpa');
    if (result !== 'done') throw new Error(`store to gpa ${gpa} ends in ${JSON.stringify(result)}`);
  }

  /** Low word of the guest's entry now. */
  entry(gva: number, level = 1): number {
    const bytes = this.load(this.entryOf(gva, level), 4, 'gpa') as readonly number[];
    return new DataView(Uint8Array.from(bytes).buffer).getUint32(0, true);
  }

  read(gva: number): unknown {
    const result = this.load(gva, 1, 'gva');
    return Array.isArray(result) ? result[0] : result;
  }

  write(gva: number, value: number): unknown {
    return this.store(gva, [value], 'gva');
  }

  private newTable(name: string): number {
    const table = this.nextTable;
    this.nextTable += PAGE;
    this.tables.set(name, table);
    return table;
  }
}
