/** Shadow paging as the guest sees it, under the names of `kvm-unit-tests` where they exist. */
import { BASE, PAGE } from '../../test/guest.ts';
import { PagingGuest } from '../../test/paging-guest.ts';
import { GpteBits } from '../guest/gpte.ts';

const GVA = 0x40000000;
const DATA = BASE + 8 * PAGE;

const exit = (code: number): { exit: string } => ({ exit: `page-fault 0x${code.toString(16)}` });

describe.each(['shadow', 'direct'] as const)('a guest with page tables of its own, %s', (mode) => {
  const guestOf = (): PagingGuest => new PagingGuest({ mode });

  it('reaches its memory through them', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DATA);
    expect(guest.write(GVA + 5, 42)).toBe('done');
    expect([guest.load(DATA + 5, 1), guest.load(DATA + 5, 1, 'gpa'), guest.read(GVA + 5)]).toEqual([[42], [42], 42]);
    expect(guest.broken()).toEqual([]);
  });

  it('crosses pages that lie apart', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DATA);
    guest.mapPage(GVA + PAGE, DATA + 3 * PAGE);
    expect(guest.store(GVA + PAGE - 2, [1, 2, 3, 4], 'gva')).toBe('done');
    expect([guest.load(DATA + PAGE - 2, 2), guest.load(DATA + 3 * PAGE, 2)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('reaches a page of 2 MiB', () => {
    const guest = guestOf();
    guest.host.map(guest.mm, 2 ** 21, 512);
    guest.mapPage(GVA, 2 ** 21, { level: 2 });
    expect(guest.write(GVA + 7 * PAGE + 1, 9)).toBe('done');
    expect(guest.load(2 ** 21 + 7 * PAGE + 1)).toEqual([9]);
    expect(guest.broken()).toEqual([]);
  });

  it('gets its own page fault where an entry is missing, with the code of the access', () => {
    const guest = guestOf();
    expect(guest.read(GVA)).toEqual(exit(0));
    expect(guest.write(GVA, 1)).toEqual(exit(2));
    guest.registers('user=on');
    expect(guest.read(GVA)).toEqual(exit(4));
    expect(guest.host.stat('pf_guest')).toBe(mode === 'shadow' ? 3 : 0);
  });

  it('finds accessed and dirty set as hardware sets them', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DATA, { clean: true });
    guest.read(GVA);
    expect(guest.entry(GVA) & (GpteBits.Accessed | GpteBits.Dirty)).toBe(GpteBits.Accessed);
    guest.write(GVA, 1);
    expect(guest.entry(GVA) & GpteBits.Dirty).toBe(GpteBits.Dirty);
  });

  it('exits where its tables lead out of its memory', () => {
    const guest = guestOf();
    expect(guest.memslot('0', String(BASE), String(256 * PAGE), String(BASE))).toBeUndefined();
    guest.registers(`cr3=${BASE + 4096 * PAGE}`);
    expect(guest.read(GVA)).toEqual({ exit: 'mmio' });
  });

  // kvm-unit-tests: access, smap
  it.each([false, true])('access: every combination of rights, WP=%s', (wp) => {
    for (let bits = 0; bits < 64; bits++) {
      const [writable, user, noExecute] = [(bits & 1) !== 0, (bits & 2) !== 0, (bits & 4) !== 0];
      const [byUser, smep, smap] = [(bits & 8) !== 0, (bits & 16) !== 0, (bits & 32) !== 0];
      const guest = guestOf();
      guest.host.map(guest.mm, DATA, 1);
      guest.mapPage(GVA, DATA, { writable, user, noExecute });
      const on = (flag: boolean): string => (flag ? 'on' : 'off');
      guest.registers(`write_protect=${on(wp)}`, `smep=${on(smep)}`, `smap=${on(smap)}`, `user=${on(byUser)}`);
      const barred = (byUser && !user) || (!byUser && user && smap);
      const what = `bits ${bits}`;
      const who = byUser ? 4 : 0;
      expect([what, guest.read(GVA)]).toEqual([what, barred ? exit(1 | who) : 0]);
      const readonly = !writable && (byUser || wp);
      expect([what, guest.write(GVA, 7)]).toEqual([what, barred || readonly ? exit(3 | who) : 'done']);
      const noFetch = noExecute || (byUser && !user) || (!byUser && user && smep);
      const fetched = guest.fetch(GVA);
      expect([what, typeof fetched === 'string' && fetched.startsWith('page-fault')]).toEqual([what, noFetch]);
      expect([what, guest.broken()]).toEqual([what, []]);
    }
  });

  // kvm-unit-tests: vmexit_cr0_wp
  it('cr0_wp: what its kernel may write with WP off, its user code may not', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DATA, { writable: false });
    expect(guest.write(GVA, 1)).toEqual(exit(3));
    guest.registers('write_protect=off');
    expect(guest.write(GVA, 1)).toBe('done');
    guest.registers('user=on');
    expect([guest.read(GVA), guest.write(GVA, 2)]).toEqual([1, exit(7)]);
    guest.registers('user=off', 'write_protect=on');
    expect([guest.read(GVA), guest.write(GVA, 3)]).toEqual([1, exit(3)]);
  });

  // kvm-unit-tests: sieve
  it.each(['with paging off', 'with addresses that are equal', 'with pages that lie apart'])('sieve %s', (how) => {
    const guest = guestOf();
    const length = 3 * PAGE;
    let first = DATA;
    if (how === 'with paging off') guest.registers('paging=off');
    if (how === 'with pages that lie apart') first = GVA;
    for (let page = 0; page < 3 && how !== 'with paging off'; page++)
      guest.mapPage(first + page * PAGE, DATA + (first === GVA ? 2 * page : page) * PAGE);
    for (let n = 2; n * n < length; n++)
      if (guest.read(first + n) === 0) for (let i = n * n; i < length; i += n) guest.write(first + i, 1);
    let primes = 0;
    for (let n = 2; n < length; n++) if (guest.read(first + n) === 0) primes++;
    expect(primes).toBe(1469);
    expect(guest.broken()).toEqual([]);
  });

  it('keeps nothing that the process lost', () => {
    const guest = guestOf();
    guest.mapPage(GVA, DATA);
    guest.write(GVA, 1);
    guest.run(guest.host.unmap(guest.mm, DATA, DATA + PAGE, 'keep'));
    expect(guest.read(GVA)).toBe(0);
    guest.run(guest.host.unmap(guest.mm, DATA, DATA + PAGE));
    expect(guest.read(GVA)).toBe('EFAULT');
  });
});

describe('a table of the guest that has a shadow', () => {
  it('comes to KVM when the guest writes it above the last level', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    guest.write(GVA, 1);
    const other = BASE + 40 * PAGE;
    guest.mapPage(0x80000000, other);
    const [emulated, written] = [guest.host.stat('pf_emulate'), guest.host.stat('mmu_pte_write')];
    // The entry of level 2 now names another table.
    const table = guest.entryOf(0x80000000) & ~(PAGE - 1);
    guest.writeEntry(guest.entryOf(GVA, 2), table, {});
    expect([guest.host.stat('pf_emulate'), guest.host.stat('mmu_pte_write')]).toEqual([emulated + 1, written + 1]);
    guest.write(GVA, 5);
    expect(guest.load(other)).toEqual([5]);
    expect(guest.broken()).toEqual([]);
  });

  it('is unsync once the guest writes the last level, and stale until it flushes', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    guest.write(GVA, 1);
    guest.mapPage(GVA, DATA + PAGE);
    expect(guest.host.stat('mmu_unsync')).toBe(1);
    expect(guest.read(GVA)).toBe(1);
    guest.invlpg(GVA);
    expect(guest.read(GVA)).toBe(0);
    guest.mapPage(GVA, DATA);
    guest.registers(`cr3=${guest.cr3}`);
    expect([guest.read(GVA), guest.host.stat('mmu_unsync')]).toEqual([1, 0]);
    expect(guest.broken()).toEqual([]);
  });

  it('lets an entry that became present work at once: no flush is due for it', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    guest.read(GVA);
    guest.mapPage(GVA + PAGE, DATA + PAGE);
    expect(guest.write(GVA + PAGE, 3)).toBe('done');
    expect(guest.load(DATA + PAGE)).toEqual([3]);
  });

  it('loses its write permission through every other mapping of its frame', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    // The guest maps its own last-level table, and writes itself another page through that.
    const table = guest.entryOf(GVA) & ~(PAGE - 1);
    guest.mapPage(GVA + PAGE, table);
    expect(guest.write(GVA + PAGE + 100 * 8, 0)).toBe('done');
    guest.read(GVA);
    guest.registers(`cr3=${guest.cr3}`);
    expect(guest.broken()).toEqual([]);
    expect(guest.write(GVA + PAGE + 100 * 8, 1)).toBe('done');
    expect(guest.broken()).toEqual([]);
  });

  it('is taken for memory that is no table any more when it is written again and again', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    guest.read(GVA);
    for (let i = 0; i < 3; i++) guest.writeEntry(guest.entryOf(GVA, 3) + 8 * (i + 100), DATA);
    expect(guest.host.stat('mmu_flooded')).toBe(1);
    expect(guest.read(GVA)).toBe(0);
    expect(guest.broken()).toEqual([]);
  });

  it('goes when half an entry is written', () => {
    const guest = new PagingGuest();
    guest.mapPage(GVA, DATA);
    guest.read(GVA);
    guest.put(guest.entryOf(GVA, 2) + 4, Uint8Array.of(0));
    expect(guest.host.stat('mmu_flooded')).toBe(1);
    expect(guest.read(GVA)).toBe(0);
  });
});

describe('many mappings', () => {
  // kvm-unit-tests: rmap_chain
  it('rmap_chain: one frame behind very many addresses is dropped from all of them', () => {
    const guest = new PagingGuest();
    for (let i = 0; i < 300; i++) guest.mapPage(GVA + i * PAGE, DATA);
    for (let i = 0; i < 300; i++) guest.write(GVA + i * PAGE, i & 255);
    expect(guest.reachable().filter((gpa) => gpa === DATA)).toHaveLength(300);
    guest.run(guest.host.unmap(guest.mm, DATA, DATA + PAGE));
    expect(guest.reachable().filter((gpa) => gpa === DATA)).toEqual([]);
    expect(guest.broken()).toEqual([]);
  });

  it('a frame with more than a thousand sptes loses them all', () => {
    const guest = new PagingGuest();
    for (let i = 0; i <= 1000; i++) guest.mapPage(GVA + i * PAGE, DATA);
    for (let i = 0; i <= 1000; i++) guest.read(GVA + i * PAGE);
    expect(guest.host.stat('mmu_recycled')).toBe(1);
    expect(guest.reachable().filter((gpa) => gpa === DATA)).toHaveLength(1);
    expect(guest.broken()).toEqual([]);
  });

  it('take no more shadow pages than the limit: the oldest go', () => {
    const guest = new PagingGuest();
    expect(guest.act('mmu_pages', ['63'])).toBe('EINVAL');
    expect(guest.act('mmu_pages', ['64'])).toBeUndefined();
    for (let i = 0; i < 100; i++) {
      guest.mapPage(GVA + i * 2 ** 21, DATA);
      expect(guest.read(GVA + i * 2 ** 21)).toBe(0);
    }
    expect(guest.host.stat('mmu_cache_miss') - guest.host.stat('mmu_shadow_zapped')).toBeLessThanOrEqual(64);
    expect(guest.broken()).toEqual([]);
  });
});

describe('several vCPUs', () => {
  it('have registers and TLBs of their own, and lose what the process lost', () => {
    const guest = new PagingGuest({ mode: 'shadow', vcpus: 2 });
    guest.mapPage(GVA, DATA);
    guest.write(GVA, 4);
    expect(guest.load(GVA, 1, 'gva@1')).toBe('EFAULT');
    guest.registers('paging=on', `cr3=${guest.cr3}`, 'vcpu=1');
    expect(guest.load(GVA, 1, 'gva@1')).toEqual([4]);
    expect(guest.load(GVA, 1, 'gva@2')).toBe('EINVAL');
    guest.run(guest.host.unmap(guest.mm, DATA, DATA + PAGE, 'keep'));
    expect([guest.load(GVA, 1, 'gva@1'), guest.read(GVA)]).toEqual([[0], 0]);
  });
});

describe('when a memslot goes', () => {
  it('all shadow pages go by their generation, in batches between which others run', () => {
    const guest = new PagingGuest();
    for (let i = 0; i < 40; i++) {
      guest.mapPage(GVA + i * 2 ** 21, DATA);
      guest.read(GVA + i * 2 ** 21);
    }
    expect(guest.memslot('1', String(2 ** 45), String(PAGE), String(BASE))).toBe('EEXIST');
    expect(guest.memslot('0', String(BASE), String(256 * PAGE), String(BASE))).toBeUndefined();
    expect(guest.reachable()).toEqual([]);
    for (let i = 0; i < 40; i++) expect(guest.read(GVA + i * 2 ** 21)).toBe(0);
    const update = guest.task('update', guest.memslotRoutine('0', '0', '0', '0'));
    update.runTo('kvm: zap the next batch');
    expect(guest.reachable()).toContain(DATA);
    guest.run(guest.host.unmap(guest.mm, DATA, DATA + PAGE, 'keep'));
    expect(guest.reachable()).not.toContain(DATA);
    expect(update.finish()).toBeUndefined();
    expect(guest.broken()).toEqual([]);
  });
});
