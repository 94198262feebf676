/** The rules that shadow paging's bookkeeping keeps at every step at which mmuLock is free. */
import { GFN_LIMIT } from '../memslots.ts';
import type { Vm } from '../vm.ts';
import type { ShadowMmu } from './shadow-mmu.ts';
import { ShadowBits, type ShadowPage } from './shadow-page.ts';

type Broken = readonly [rule: string, message: string];

export function* brokenShadow(vm: Vm, mmu: ShadowMmu): Iterable<Broken> {
  if (vm.mmuLock.held) return;
  let sptes = 0;
  for (const page of mmu.active) {
    yield* brokenPage(mmu, page);
    if (page.level === 1) sptes += page.present;
  }
  let mapped = 0;
  for (const gfn of mmu.rmap.gfnsIn(0, GFN_LIMIT)) {
    mapped += mmu.rmap.of(gfn).length;
    yield* brokenFrame(vm, mmu, gfn);
  }
  if (mapped !== sptes) yield ['kvm-rmap', `${mapped} sptes are in the rmap, ${sptes} are present`];
  yield* brokenTlbs(vm);
}

function* brokenPage(mmu: ShadowMmu, page: ShadowPage): Iterable<Broken> {
  const name = `the shadow page of gfn ${page.gfn} at level ${page.level}`;
  if (page.invalid) yield ['kvm-invalid', `${name} is invalid and can be found`];
  if (page.unsync && page.level !== 1) yield ['kvm-unsync', `${name} is unsync`];
  const present =
    page.level === 1 ? page.bits.filter((bits) => bits !== 0) : page.children.filter((child) => child !== undefined);
  if (present.length !== page.present)
    yield ['kvm-table-count', `${name} counts ${page.present} entries, has ${present.length}`];
  for (const { page: parent, index } of page.parents) {
    if (parent.children[index] !== page) yield ['kvm-parent', `${name} has a parent that does not point to it`];
    const stale = page.unsync || page.unsyncChildren.size > 0;
    if (stale && !parent.unsyncChildren.has(index))
      yield ['kvm-unsync', `a parent of ${name} does not know it is unsync`];
  }
  if (page.level !== 1) return;
  for (let index = 0; index < page.bits.length; index++) {
    if (page.bits[index] === 0) continue;
    const found = mmu.rmap.of(page.gfnOf(index)).some((ref) => ref.page === page && ref.index === index);
    if (!found) yield ['kvm-rmap', `entry ${index} of ${name} is not in the rmap`];
  }
}

function* brokenFrame(vm: Vm, mmu: ShadowMmu, gfn: number): Iterable<Broken> {
  const slot = vm.memslots.slotOfGfn(gfn);
  if (slot === undefined) yield ['kvm-spte-in-slot', `gfn ${gfn} has an spte and no memslot`];
  const isTable = mmu.pagesOf(gfn).some((page) => !page.direct && !page.unsync && !mmu.isObsolete(page));
  for (const { page, index } of mmu.rmap.of(gfn)) {
    const bits = page.bits[index] as number;
    if ((bits & ShadowBits.Writable) === 0) continue;
    if (isTable) yield ['kvm-write-protect', `gfn ${gfn} is a table in use, and an spte lets the guest write it`];
    if ((bits & ShadowBits.HostWritable) === 0 || slot?.access === 'readonly')
      yield ['kvm-writable', `gfn ${gfn} is writable where the host or its memslot forbids it`];
  }
}

function* brokenTlbs(vm: Vm): Iterable<Broken> {
  if (vm.unflushed) return;
  const live = new Set<number>();
  for (const page of vm.shadow?.active ?? [])
    for (let i = 0; i < page.bits.length; i++) if (page.bits[i] !== 0) live.add(page.ledgerOf(i));
  for (const { tlb } of vm.shadowVcpus) {
    for (const { gfn: key, entry } of tlb.cached())
      if (!live.has(entry))
        yield ['kvm-tlb', `a TLB holds page ${Math.floor(key / 2)}, which has no such spte, and no flush is due`];
  }
}
