import { isPlugin } from '@mmu-notifier/plugin-api';
import type { MmuNotifierOps } from '@mmu-notifier/plugin-api';
import { BASE, Guest, PAGE } from '../test/guest.ts';
import { kvm } from './index.ts';

describe('the plugin', () => {
  it('is one', () => {
    expect(isPlugin(kvm())).toBe(true);
    expect(kvm()).toMatchObject({ name: 'kvm', api: '^1.0.0' });
  });

  it.each<object>([
    { vcpuTlbEntries: 3 },
    { vcpuTlbEntries: 0 },
    { vcpuTlbEntries: 2 ** 20 },
    { mode: 'nested' },
    { vcpus: 0 },
    { pin: 'yes' },
    { bogus: 1 },
  ])('says what is wrong with options %j', (options) => expect(() => kvm(options)).toThrow(/kvm: .*found/));

  it('works with a TLB of one entry', () => {
    const guest = new Guest({ vcpuTlbEntries: 1 });
    guest.host.map(guest.mm, BASE, 2);
    guest.store(BASE, [1]);
    guest.store(BASE + PAGE, [2]);
    expect([guest.load(BASE), guest.load(BASE + PAGE)]).toEqual([[1], [2]]);
    expect(guest.host.stat('pf_taken')).toBe(2);
  });
});

describe('opening', () => {
  it('answers EEXIST for a process that has a VM, ESRCH for one that has exited', () => {
    const guest = new Guest();
    expect(guest.run(guest.device.open(guest.process))).toBe('EEXIST');
    const other = guest.host.process();
    guest.run(guest.host.exit(other));
    expect(guest.run(guest.device.open(other))).toBe('ESRCH');
  });

  it('passes on what registration answers, and leaves nothing behind', () => {
    const guest = new Guest();
    const other = guest.host.process();
    guest.host.registerError = 'EINTR';
    expect(guest.run(guest.device.open(other))).toBe('EINTR');
    expect([other.mm?.grabs, other.mm?.users]).toEqual([0, 1]);
    guest.host.registerError = undefined;
    expect(guest.run(guest.device.open(other))).toBeUndefined();
  });

  it.each([
    [{ memslots: 'all' }, 'EINVAL'],
    ['all', 'EINVAL'],
    [{ memslots: [3] }, 'EINVAL'],
    [{ memslots: [{ slot: 0, gpa: 1, size: PAGE, hva: 0 }] }, 'EINVAL'],
    [{ memslots: [{ slot: 0, gpa: 0, size: 0, hva: 0 }] }, 'EINVAL'],
    [{ memslots: [0, 1].map((slot) => ({ slot, gpa: 0, size: PAGE, hva: 0 })) }, 'EEXIST'],
    [{ memslots: [0, 0].map((slot) => ({ slot, gpa: 0, size: PAGE, hva: 0 })) }, 'EINVAL'],
  ])('checks its memslots: %j', (options, errno) => {
    const guest = new Guest();
    expect(guest.run(guest.device.open(guest.host.process(), options))).toBe(errno);
  });

  it('is not done while it registers: accesses are refused, nothing is mapped without a notifier', () => {
    const guest = new Guest();
    const other = guest.host.process();
    guest.host.map(other.mm!, BASE, 1);
    const open = guest.task('open', guest.device.open(other)).runTo('register');
    expect(guest.load(BASE, 1, 'process', other)).toBe('EIO');
    guest.run(guest.device.close(other));
    expect(open.finish()).toBeUndefined();
    expect(guest.load(BASE, 1, 'process', other)).toEqual([0]);
  });

  it('on a device that is detached meanwhile is undone', () => {
    const guest = new Guest();
    const other = guest.host.process();
    const open = guest.task('open', guest.device.open(other)).runTo('register');
    guest.run(guest.device.detach());
    expect(open.finish()).toBe('ENODEV');
    expect([other.mm?.grabs, other.mm?.users, other.mm?.chain]).toEqual([0, 1, []]);
    expect(guest.run(guest.device.open(other))).toBe('ENODEV');
  });
});

describe('a VM', () => {
  it('belongs to one address space: another one of the process is refused with EIO', () => {
    const guest = new Guest();
    const { mm } = guest.host.process();
    guest.process.mm = mm;
    expect(guest.load(BASE)).toBe('EIO');
  });

  it('is not opened by others: EIO', () => {
    const guest = new Guest();
    expect(guest.load(BASE, 1, 'process', guest.host.process())).toBe('EIO');
  });

  it('stands beside others on one device', () => {
    const guest = new Guest();
    const other = guest.host.process();
    expect(guest.run(guest.device.open(other))).toBeUndefined();
    for (const mm of [guest.mm, other.mm!]) guest.host.map(mm, BASE, 1);
    guest.store(BASE, [1]);
    guest.store(BASE, [2], 'process', other);
    expect([guest.load(BASE), guest.load(BASE, 1, 'process', other)]).toEqual([[1], [2]]);
    expect(guest.host.stat('pages_4k')).toBe(2);
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE));
    expect([guest.load(BASE), guest.load(BASE, 1, 'process', other)]).toEqual(['EFAULT', [2]]);
    guest.run(guest.device.close(guest.process));
    expect(guest.load(BASE, 1, 'process', other)).toEqual([2]);
    expect(guest.broken()).toEqual([]);
  });

  it('flushes for another VM of the device that has dropped sptes and not flushed yet', () => {
    const guest = new Guest();
    const other = guest.host.process();
    guest.run(guest.device.open(other));
    for (const mm of [guest.mm, other.mm!]) guest.host.map(mm, BASE, 1);
    guest.store(BASE, [1]);
    guest.store(BASE, [2], 'process', other);
    const half = guest.task('half', guest.host.unmap(other.mm!, BASE, BASE + PAGE, 'keep')).runTo('remote TLB flush');
    // The ledger's flush is for the whole device: the other TLB must not hold a flushed entry behind it.
    guest.run(guest.host.unmap(guest.mm, BASE, BASE + PAGE));
    const data = new Uint8Array(1);
    const access = guest.task('access', guest.access('load', BASE, data, 'process', other)).runWhileRunnable();
    half.finish();
    access.finish();
    expect([...data]).toEqual([0]);
  });
});

describe('exit', () => {
  it('releases: nothing stays mapped, faults fail, a second release is harmless', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 2);
    guest.store(BASE, [1]);
    const [ops] = guest.mm.chain as [MmuNotifierOps];
    guest.run(guest.host.exit(guest.process));
    expect(guest.reachable()).toEqual([]);
    expect(guest.load(BASE)).toBe('EFAULT');
    guest.run(ops.release!(guest.mm));
    expect(guest.broken()).toEqual([]);
    guest.run(guest.device.close(guest.process));
    expect(guest.mm.grabs).toBe(0);
  });

  it('waits for nobody: a fault that has got its page does not install it any more', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest.host.populate(guest.mm, BASE, 'rw');
    const fault = guest.task('fault', guest.access('load', BASE, new Uint8Array(1))).runTo('mmuLock');
    const [ops] = guest.mm.chain as [MmuNotifierOps];
    guest.run(ops.release!(guest.mm));
    expect(fault.finish()).toBe('EFAULT');
    expect(guest.reachable()).toEqual([]);
  });

  it('is done by the fault that holds the last reference, with no lock held', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    const fault = guest.task('fault', guest.access('store', BASE, Uint8Array.of(1))).runTo('mmuLock');
    guest.run(guest.host.exit(guest.process));
    expect(guest.mm.users).toBe(1);
    expect(fault.finish()).toBe('EFAULT');
    expect([guest.mm.users, guest.reachable(), guest.host.frameTable.size]).toEqual([0, [], 1]);
  });

  it('wakes a fault that sleeps', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 1);
    guest
      .task(
        'window',
        guest.host.window(guest.mm, BASE, BASE + PAGE, 'CLEAR', true, () => undefined),
      )
      .runTo('change');
    const fault = guest.task('fault', guest.access('load', BASE, new Uint8Array(1))).runWhileRunnable();
    expect(fault.at).toContain('retryQueue');
    guest.run(guest.host.exit(guest.process));
    expect(fault.finish()).toBe('EFAULT');
  });
});

describe('closing', () => {
  it('between start and end of a window: whoever waits for the end goes on', () => {
    const guest = new Guest({}, { memslots: [{ slot: 0, gpa: 0, size: 16 * PAGE, hva: BASE }] });
    guest.host.map(guest.mm, BASE, 1);
    const window = guest.task('window', guest.host.unmap(guest.mm, BASE, BASE + PAGE)).runTo('window change');
    const fault = guest.task('fault', guest.access('load', BASE, new Uint8Array(1))).runWhileRunnable();
    const update = guest.task('update', guest.memslotRoutine('0', '0', '0', '0')).runWhileRunnable();
    const close = guest.task('close', guest.device.close(guest.process)).runWhileRunnable();
    expect(fault.finish()).toBe('EFAULT');
    update.finish();
    close.finish();
    window.finish();
    expect(guest.load(BASE)).toBe('EIO');
    expect(guest.broken()).toEqual([]);
    expect(guest.run(guest.device.open(guest.process))).toBeUndefined();
    expect(guest.load(BASE)).toBe('EFAULT');
  });

  it('twice at once waits for the first, and is harmless without a VM', () => {
    const guest = new Guest();
    const first = guest.task('first', guest.device.close(guest.process)).runTo('unregister');
    const second = guest.task('second', guest.device.close(guest.process)).runWhileRunnable();
    expect(second.done).toBe(false);
    first.finish();
    second.finish();
    guest.run(guest.device.close(guest.process));
    expect(guest.mm.grabs).toBe(0);
  });

  it('ends with everything when the device is detached', () => {
    const guest = new Guest();
    guest.run(guest.device.open(guest.host.process()));
    guest.run(guest.device.detach());
    expect(guest.load(BASE)).toBe('EIO');
    expect(guest.mm.chain).toEqual([]);
  });
});

describe('invariants', () => {
  it('tell an end without its start, also after the VM is gone', () => {
    const guest = new Guest();
    const [ops] = guest.mm.chain as [MmuNotifierOps];
    const range = { mm: guest.mm, start: 0 as never, end: PAGE as never, event: 'CLEAR', blockable: true } as const;
    guest.run(ops.invalidateRangeEnd!(range));
    expect(guest.broken()).toEqual(['kvm-balance', 'kvm-balance', 'kvm-in-progress']);
    guest.run(guest.device.close(guest.process));
    expect(guest.broken()).toEqual(['kvm-balance', 'kvm-balance']);
  });

  it('hold at every step of a fault and a window', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 2);
    guest.store(BASE, [1]);
    guest.store(BASE + PAGE, [1]);
    const window = guest.task('window', guest.host.unmap(guest.mm, BASE, BASE + PAGE, 'keep'));
    const fault = guest.task('fault', guest.access('store', BASE, Uint8Array.of(2)));
    while (!window.done || !fault.done) {
      for (const task of [window, fault]) if (task.runnable) task.step();
      expect(guest.broken()).toEqual([]);
    }
  });
});

describe('an access without a fault', () => {
  function request(guest: Guest, kind: 'load' | 'store', address: number, data: Uint8Array) {
    return { process: guest.process, space: 'process', kind, address, data };
  }

  it('is made once KVM has mapped the page, and reaches its bytes', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 2);
    const data = Uint8Array.of(0, 0);
    expect(guest.device.tryAccess?.(request(guest, 'load', BASE, data))).toBe(false);
    guest.store(BASE, [1, 2, 3]);
    expect(guest.device.tryAccess?.(request(guest, 'load', BASE + 1, data))).toBe(true);
    expect([...data]).toEqual([2, 3]);
    expect(guest.device.tryAccess?.(request(guest, 'store', BASE + 2, Uint8Array.of(7)))).toBe(true);
    expect(guest.load(BASE + 2)).toEqual([7]);
    expect(guest.host.stat('pf_taken')).toBe(1);
  });

  it('is not made across pages, in a space that KVM does not know, or for a process without a VM', () => {
    const guest = new Guest();
    guest.host.map(guest.mm, BASE, 2);
    guest.store(BASE, [1]);
    guest.store(BASE + PAGE, [1]);
    const two = Uint8Array.of(0, 0);
    expect(guest.device.tryAccess?.(request(guest, 'load', BASE + PAGE - 1, two))).toBe(false);
    expect(guest.device.tryAccess?.({ ...request(guest, 'load', BASE, two), space: 'iova' })).toBe(false);
    expect(guest.device.tryAccess?.({ ...request(guest, 'load', BASE, two), process: guest.host.process() })).toBe(
      false,
    );
  });
});
