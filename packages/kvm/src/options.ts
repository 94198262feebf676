/** Options of the driver and of one VM, as users write them. */
import type { Errno } from '@mmu-notifier/plugin-api';
import { isErrno } from '@mmu-notifier/plugin-api';
import { RING_ENTRIES } from './dirty-ring.ts';
import { planMemslotChange } from './memory-region.ts';
import type { KvmMemoryRegion } from './memory-region.ts';
import { IDENTITY_MEMSLOT, Memslots } from './memslots.ts';

/**
 * Options of {@link kvm}.
 * @public
 */
export interface KvmOptions {
  /**
   * `direct`: the table is indexed by guest-physical address (two-dimensional paging), and hardware walks the guest's own
   * tables. `shadow`: KVM composes both into shadow pages.
   */
  readonly mode?: 'direct' | 'shadow';
  /** vCPUs of each VM, each with a TLB of its own: 1 unless given, at most 64. */
  readonly vcpus?: number;
  /**
   * The world before notifiers: no notifier is registered, each translation pins its page until the VM or its memslot
   * goes. Pages that the process unmaps stay reachable for the guest: stale, never freed.
   */
  readonly pin?: boolean;
  /** Entries of a vCPU's TLB, a power of two. */
  readonly vcpuTlbEntries?: number;
  /**
   * How user space hears which pages of a logged memslot the guest wrote. `get`: reading the log takes them out and protects
   * them. `clear`: that is done by `clear_dirty_log` (`KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`). `ring`: each vCPU has a ring, and there are no logs.
   */
  readonly dirtyLog?: 'get' | 'clear' | 'ring';
  /** Of each ring: a power of two from 256 to 65,536; 256 unless given. */
  readonly dirtyRingEntries?: number;
}

/**
 * Options of one VM, given to `open`.
 * @public
 */
export interface KvmVmOptions {
  /** The guest's memory; without it one slot shows all of user space at its own addresses. */
  readonly memslots?: readonly KvmMemoryRegion[];
}

const OPTIONS: readonly string[] = ['dirtyLog', 'dirtyRingEntries', 'mode', 'pin', 'vcpuTlbEntries', 'vcpus'];

/** Misuse by a user throws; the message says what was found and what is expected. */
export function checkOptions(options: KvmOptions): Required<KvmOptions> {
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw new RangeError(`kvm: found option "${unknown}", expected ${OPTIONS.join(', ')}`);
  const { mode = 'direct', pin = false, vcpuTlbEntries = 512, vcpus = 1 } = options;
  const { dirtyLog = 'get', dirtyRingEntries = RING_ENTRIES.fewest } = options;
  if (typeof pin !== 'boolean') throw new RangeError(`kvm: pin is true or false, found ${JSON.stringify(pin)}`);
  // Options come from JSON as well.
  if (!['direct', 'shadow'].includes(mode))
    throw new RangeError(`kvm: mode is "direct" or "shadow", found ${JSON.stringify(mode)}`);
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > 64)
    throw new RangeError(`kvm: vcpus is a number from 1 to 64, found ${JSON.stringify(vcpus)}`);
  if (
    !Number.isInteger(vcpuTlbEntries) ||
    vcpuTlbEntries < 1 ||
    vcpuTlbEntries > 65536 ||
    !isPowerOfTwo(vcpuTlbEntries)
  ) {
    throw new RangeError(`kvm: vcpuTlbEntries is a power of two up to 65536, found ${String(vcpuTlbEntries)}`);
  }
  if (!['get', 'clear', 'ring'].includes(dirtyLog))
    throw new RangeError(`kvm: dirtyLog is "get", "clear" or "ring", found ${JSON.stringify(dirtyLog)}`);
  const { fewest, most } = RING_ENTRIES;
  if (
    !Number.isInteger(dirtyRingEntries) ||
    dirtyRingEntries < fewest ||
    dirtyRingEntries > most ||
    !isPowerOfTwo(dirtyRingEntries)
  )
    throw new RangeError(
      `kvm: dirtyRingEntries is a power of two from ${fewest} to ${most}, found ${JSON.stringify(dirtyRingEntries)}`,
    );
  return { pin, vcpuTlbEntries, mode, vcpus, dirtyLog, dirtyRingEntries };
}

/** The slots that a VM starts with. */
export function initialMemslots(options: unknown): Memslots | Errno {
  if (options === undefined || options === null) return new Memslots([IDENTITY_MEMSLOT]);
  if (typeof options !== 'object') return 'EINVAL';
  const { memslots } = options as { readonly memslots?: unknown };
  if (memslots === undefined) return new Memslots([IDENTITY_MEMSLOT]);
  if (!Array.isArray(memslots)) return 'EINVAL';
  let slots = new Memslots([]);
  for (const region of memslots as readonly unknown[]) {
    if (typeof region !== 'object' || region === null) return 'EINVAL';
    const change = planMemslotChange(slots, region as KvmMemoryRegion);
    if (isErrno(change)) return change;
    if (change.kind !== 'create') return 'EINVAL';
    slots = new Memslots([...slots.byId, change.slot]);
  }
  return slots;
}

function isPowerOfTwo(n: number): boolean {
  return (n & (n - 1)) === 0;
}
