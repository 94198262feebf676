/**
 * Oracles that scan: books that must balance whenever nothing runs. Costs a walk over every page table.
 *
 * @invariant accounting: ref(p) = ptes that map p + caches + pins + page table, or the device that has it (I32)
 * @invariant device-agreement: what a device lists is what its ledger has, and what the process's ptes permit (I3, I4)
 */
import { type Violation, hex } from '../contract.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import { Pte, isMapped, isSwap } from '../page-table/pte.ts';
import type { AttachedDevice } from '../plugin/devices.ts';
import { EntryState, Permission } from '../plugin/ledger.ts';
import { TASK_SIZE } from '../types.ts';
import type { TranslationOracle } from './translation-oracle.ts';

/** References that page tables hold, by frame, and swap entries by slot. */
interface Census {
  readonly mappings: Map<number, number>;
  readonly swapEntries: Map<number, number>;
}

export function* auditMemory(kernel: Kernel): Iterable<Violation> {
  const census: Census = { mappings: new Map(), swapEntries: new Map() };
  for (const mm of kernel.mms.values()) yield* countSpace(kernel, mm, census);
  for (const file of kernel.files.values()) {
    for (const cached of file.pages.values()) if ('swapSlot' in cached) add(census.swapEntries, cached.swapSlot);
  }
  yield* auditFrames(kernel, census);
  for (const [slot, entries] of census.swapEntries) {
    const counted = kernel.swap.entries(slot);
    if (counted !== entries)
      yield { oracle: 'accounting', message: `swap slot ${slot} has ${entries} entries, ${counted} are counted` };
  }
}

function* countSpace(kernel: Kernel, mm: MmStruct, { mappings, swapEntries }: Census): Iterable<Violation> {
  const { pageTables, allocator, frames } = kernel;
  const rss = { anon: 0, file: 0, shmem: 0, swap: 0 };
  for (let va = pageTables.nextLeaf(mm.root, 0, TASK_SIZE); va < TASK_SIZE;) {
    const table = pageTables.leafTable(mm.root, va);
    for (let index = 0; index < 512; index++) {
      const flags = pageTables.flags(table * 512 + index);
      const frame = pageTables.frame(table * 512 + index);
      if (isSwap(flags)) {
        rss.swap++;
        add(swapEntries, frame);
      } else if (isMapped(flags) && frame !== allocator.zeroPfn && (flags & Pte.Special) === 0) {
        add(mappings, frame);
        rss[
          frames.has(frame, FrameFlags.Anon) ? 'anon' : frames.has(frame, FrameFlags.SwapBacked) ? 'shmem' : 'file'
        ]++;
      }
    }
    va = pageTables.nextLeaf(mm.root, (Math.floor(va / 2 ** 21) + 1) * 2 ** 21, TASK_SIZE);
  }
  for (const kind of ['anon', 'file', 'shmem', 'swap'] as const) {
    if (rss[kind] === mm.rss[kind]) continue;
    yield { oracle: 'accounting', message: `mm ${mm.id} has ${rss[kind]} ${kind} pages, ${mm.rss[kind]} are counted` };
  }
}

function* auditFrames(kernel: Kernel, { mappings }: Census): Iterable<Violation> {
  const { frames, allocator, pins } = kernel;
  for (let pfn = 0; pfn < allocator.zone.usedEnd; pfn++) {
    const refs = frames.refcount[pfn];
    if (refs === 0 || pfn === allocator.zeroPfn) continue;
    const mapped = mappings.get(pfn) ?? 0;
    if (frames.has(pfn, FrameFlags.PageTable)) {
      if (refs !== 1 || mapped > 0) yield { oracle: 'accounting', message: `page table ${pfn} has ${refs} references` };
      continue;
    }
    if (frames.mapcount[pfn] !== mapped) {
      yield {
        oracle: 'accounting',
        message: `frame ${pfn} is mapped ${mapped} times, ${frames.mapcount[pfn]} are counted`,
      };
    }
    const holder = frames.has(pfn, FrameFlags.SwapCache | FrameFlags.PageCache | FrameFlags.Device) ? 1 : 0;
    const expected = mapped + holder + pins.count(pfn);
    if (refs !== expected)
      yield { oracle: 'accounting', message: `frame ${pfn} has ${refs} references, ${expected} have a holder` };
  }
}

export function* auditDevice(kernel: Kernel, attached: AttachedDevice, oracle: TranslationOracle): Iterable<Violation> {
  const { name, device, ledger } = attached;
  for (const { rule, message } of device.invariants?.() ?? []) yield { oracle: rule, message: `${name}: ${message}` };
  // Several parts of a device may hold the same page, each its own entry.
  const listed = new Map<string, boolean[]>();
  for (const { mm, address, pfn, writable } of device.translations()) {
    const key = `${mm.id} ${hex(address)} ${pfn}`;
    listed.set(key, [...(listed.get(key) ?? []), writable]);
  }
  for (const slot of ledger.slots()) {
    if (ledger.state[slot] !== EntryState.valid) continue;
    const key = `${ledger.mm[slot].id} ${hex(ledger.address[slot])} ${ledger.pfn[slot]}`;
    const writable = ledger.permission[slot] === Permission.store;
    const entries = listed.get(key) ?? [];
    const at = entries.indexOf(writable);
    if (at < 0) {
      yield {
        oracle: 'device-agreement',
        message: `${name}: the ledger has ${key} (mm, address, pfn), the device lists something else`,
      };
    }
    entries.splice(Math.max(at, 0), 1);
    if (entries.length === 0) listed.delete(key);
    const why =
      ledger.coherence === 'pinned' ? undefined : oracle.disagreement(ledger, slot, writable ? 'store' : 'load');
    if (why !== undefined)
      yield { oracle: 'stale-translation', message: `${name} reaches ${key} (mm, address, pfn), but ${why}` };
  }
  for (const key of listed.keys())
    yield { oracle: 'device-agreement', message: `${name} lists ${key} (mm, address, pfn), the ledger does not` };
}

/** What must be gone when every process has exited and every file was dropped. */
export function* auditLeaks(kernel: Kernel): Iterable<Violation> {
  const { allocator, frames, swap, anonVmas, pins } = kernel;
  const leaked: number[] = [];
  for (let pfn = 0; pfn < allocator.zone.usedEnd; pfn++) {
    if (frames.refcount[pfn] > 0 && pfn !== allocator.zeroPfn) leaked.push(pfn);
  }
  if (leaked.length > 0)
    yield { oracle: 'leak', message: `${leaked.length} frames are never freed, the first is ${leaked[0]}` };
  if (swap.used > 0) yield { oracle: 'leak', message: `${swap.used} swap slots are never freed` };
  if (anonVmas.count > 0) yield { oracle: 'leak', message: `${anonVmas.count} anon_vmas are never freed` };
  if (pins.total > 0) yield { oracle: 'leak', message: `${pins.total} pins are never released` };
  const { intervalInserts, intervalRemoves } = kernel.stats.notifier;
  if (intervalInserts > intervalRemoves)
    yield { oracle: 'leak', message: `${intervalInserts - intervalRemoves} intervals are never removed` };
  if (kernel.mms.size > 0) yield { oracle: 'leak', message: `${kernel.mms.size} address spaces are never torn down` };
}

function add(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
