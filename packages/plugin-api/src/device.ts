/** A device on a machine: what scripts, replay and the conformance suite do with it. */
import type { Errno } from './errno.ts';
import type { Routine } from './routine.ts';
import type { Pfn, VirtualAddress } from './units.ts';
import type { MmHandle, ProcessHandle } from './services/processes.ts';

/** One access by the device, through its own translations. @public */
export interface DeviceAccess {
  readonly process: ProcessHandle;
  /** `process`: an address of the process; otherwise a space that the plugin defines (`gpa`, `iova`). */
  readonly space: string;
  readonly address: number;
  readonly kind: 'load' | 'store';
  /** Filled by a load, written by a store; its length is the access's length. May cross pages. */
  readonly data: Uint8Array;
}

/** How an access ended. `exit` is the plugin's own (an MMIO exit, an exception). @public */
export type DeviceAccessResult = 'done' | Errno | { readonly exit: string };

/** How accesses name a range: its first byte is `address` of `space`, the others follow. @public */
export interface DeviceReach {
  readonly space: string;
  readonly address: number;
}

/** What the device could reach right now. @public */
export interface TranslationView {
  readonly mm: MmHandle;
  /** The process's address. */
  readonly address: VirtualAddress;
  readonly deviceAddress: number;
  readonly pfn: Pfn;
  readonly writable: boolean;
}

/** The driver's own bookkeeping does not add up. @public */
export interface DeviceViolation {
  readonly rule: string;
  readonly message: string;
}

/** Extra verb for scripts: arguments are the words behind the verb, names resolved. @public */
export type DeviceAction = (
  process: ProcessHandle | undefined,
  args: readonly string[],
) => Routine<Errno | string | undefined>;

/** An attached device. @public */
export interface Device {
  /** Mirrors one more process's address space (kvm: its VM; xpmem: source or consumer; gru: a context). */
  open(process: ProcessHandle, options?: unknown): Routine<Errno | undefined>;
  /** One access by the device, faulting as needed. @sleeps May. */
  access(request: DeviceAccess): Routine<DeviceAccessResult>;
  /**
   * The same for an access inside one page that the device's translations serve as they are, or after a fault on a page
   * that the process has (`getUserPageFast`): plain code and one atomic step, for millions of them in a replay. No task
   * of the process runs it. Where it cannot be made so, nothing has happened, and `access` comes next.
   *
   * @returns whether the access was made. @sleeps Never.
   */
  tryAccess?(request: DeviceAccess): boolean;
  /**
   * For a device whose accesses do not name addresses of the process: makes a range of it reachable, and says how accesses
   * name its first byte. The conformance suite asks it behind `open`; without it accesses are made in the space `process`.
   *
   * @sleeps May.
   */
  reach?(process: ProcessHandle, start: VirtualAddress, length: number): Routine<DeviceReach | Errno>;
  /** Ends what `open` began. @sleeps May. */
  close(process: ProcessHandle): Routine<void>;
  /** Closes everything. @sleeps May. */
  detach(): Routine<void>;
  /** What the device could reach right now. */
  translations(): Iterable<TranslationView>;
  /** Its own bookkeeping, checked by the oracles. */
  invariants?(): Iterable<DeviceViolation>;
  /** Extra verbs for scripts, e.g. kvm's `memslot`. */
  readonly actions?: Readonly<Record<string, DeviceAction>>;
}
