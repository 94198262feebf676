/**
 * Guards that the code has because a race needed them, each with a litmus test that shows the race when the guard is
 * taken out. `zoo` is what the race is called in the history of MMU notifiers.
 */
import { withoutGuard as withoutCoreGuard } from '@mmu-notifier/core/testing';
import { withoutGuard as withoutGruGuard } from '@mmu-notifier/gru/testing';
import { withoutGuard as withoutKvmGuard } from '@mmu-notifier/kvm/testing';
import { withoutGuard as withoutXpmemGuard } from '@mmu-notifier/xpmem/testing';

export interface Mutant {
  /** `package: guard`. */
  readonly guard: string;
  /** What goes wrong without it. */
  readonly race: string;
  readonly litmus: string;
  readonly oracle: string;
  /** @returns Puts it back. */
  readonly remove: () => () => void;
}

export const MUTANTS: readonly Mutant[] = [
  {
    guard: 'kvm: sequence-check',
    race: 'a window that opened and closed while the page was looked up goes unseen',
    litmus: 'gup-vs-munmap',
    oracle: 'stale-translation',
    remove: () => withoutKvmGuard('sequence-check'),
  },
  {
    guard: 'kvm: in-progress-check',
    race: 'a window that is open when the page is installed goes unseen',
    litmus: 'guest-vs-dontneed',
    oracle: 'stale-translation',
    remove: () => withoutKvmGuard('in-progress-check'),
  },
  {
    guard: 'kvm: check-under-lock',
    race: 'the check is made before the lock is taken that start takes too',
    litmus: 'gup-vs-munmap',
    oracle: 'stale-translation',
    remove: () => withoutKvmGuard('check-under-lock'),
  },
  {
    guard: 'kvm: sequence-at-end',
    race: 'the sequence grows at the start of a window, and not at its end',
    litmus: 'gup-vs-munmap',
    oracle: 'stale-translation',
    remove: () => withoutKvmGuard('sequence-at-end'),
  },
  {
    guard: 'kvm: flush',
    race: 'start drops the sptes and leaves the TLB alone',
    litmus: 'guest-vs-mremap',
    oracle: 'start-is-a-barrier',
    remove: () => withoutKvmGuard('flush'),
  },
  {
    guard: 'kvm: mmio-generation',
    race: "the note that an access is a device's outlives the memslots of which it was true",
    litmus: 'mmio-vs-memslot',
    oracle: 'require',
    remove: () => withoutKvmGuard('mmio-generation'),
  },
  {
    guard: 'gru: purge',
    race: 'start counts the window and purges nothing',
    litmus: 'gru-vs-dontneed',
    oracle: 'start-is-a-barrier',
    remove: () => withoutGruGuard('purge'),
  },
  {
    guard: 'gru: range-active-check',
    race: 'a range that is open when the page is looked up goes unseen',
    litmus: 'gru-vs-dontneed',
    oracle: 'stale-translation',
    remove: () => withoutGruGuard('range-active-check'),
  },
  {
    guard: 'gru: count-before-purge',
    race: 'the count is raised when the purge is done',
    litmus: 'gru-vs-dontneed',
    oracle: 'start-is-a-barrier',
    remove: () => withoutGruGuard('count-before-purge'),
  },
  {
    guard: 'xpmem: sequence-check',
    race: 'a page that was looked up before an invalidation is established after it',
    litmus: 'xpmem-vs-dontneed',
    oracle: 'stale-translation',
    remove: () => withoutXpmemGuard('sequence-check'),
  },
  {
    guard: 'xpmem: recall',
    race: 'the source changes, and nothing is recalled',
    litmus: 'xpmem-vs-munmap',
    oracle: 'start-is-a-barrier',
    remove: () => withoutXpmemGuard('recall'),
  },
  {
    guard: 'xpmem: zap',
    race: 'translations go, and the ptes that show them stay',
    litmus: 'xpmem-vs-munmap',
    oracle: 'device-pte',
    remove: () => withoutXpmemGuard('zap'),
  },
  {
    guard: 'xpmem: write-permission',
    race: 'what the source may only read is mapped writable',
    litmus: 'xpmem-vs-dontneed',
    oracle: 'write-through-read-only',
    remove: () => withoutXpmemGuard('write-permission'),
  },
  {
    guard: 'core: take-all-locks',
    race: 'a driver registers while another task is between the start and the end of a window',
    litmus: 'register-vs-dontneed',
    oracle: 'registration',
    remove: () => withoutCoreGuard('take-all-locks'),
  },
  {
    guard: 'core: vma-marks',
    race: 'a driver registers while a fault under the lock of its VMA has a window open',
    litmus: 'register-vs-cow',
    oracle: 'registration',
    remove: () => withoutCoreGuard('vma-marks'),
  },
  {
    guard: 'core: tasks-use-mm',
    race: 'a process exits, and its address space is torn down under the fault of another task',
    litmus: 'exit-vs-fault',
    oracle: 'accounting',
    remove: () => withoutCoreGuard('tasks-use-mm'),
  },
  {
    guard: 'core: unstable',
    race: 'a fault finds zeros where the OOM reaper took data',
    litmus: 'reaper-vs-fault',
    oracle: 'data',
    remove: () => withoutCoreGuard('unstable'),
  },
  {
    guard: 'core: flush-before-free',
    race: 'pages go back to the allocator before the CPUs have flushed',
    litmus: 'shootdown',
    oracle: 'use-after-free',
    remove: () => withoutCoreGuard('flush-before-free'),
  },
];
