/**
 * The typed model of the event language (`.mm`): one object per line of a script or a recording.
 *
 *     [@TASK] ACTOR VERB [ARGUMENT...] [= VALUE] [-> NAME]
 *
 * Nothing here runs anything: a script is data, and whoever executes it decides which verbs its machine has.
 * Events whose actor is a process are below; those of devices and of the machine are in `machine-event.ts`,
 * verdicts in `verdict.ts`.
 */
import type { DeviceEvent, MachineEvent } from './machine-event.ts';
import type { RecordedValue } from './value.ts';

/** An address that a script names: `$a`, `$a+0x1000`, `$a-4K`. @public */
export interface Reference {
  /** What an earlier `-> NAME` bound. */
  readonly name: string;
  /** Bytes to add; negative for `$a-4K`. */
  readonly offset: number;
}

/** An address: a number, or one that is known only when the script runs. @public */
export type Operand = number | Reference;

/** Tells a named address from a number. @public */
export function isReference(operand: Operand): operand is Reference {
  return typeof operand !== 'number';
}

/** A process, `p1`, `p2`, … or a name that `fork -> NAME` bound. @public */
export interface ProcessActor {
  readonly kind: 'process';
  readonly name: string;
}

/** A device, under the name that `machine attach` gave it. @public */
export interface DeviceActor {
  readonly kind: 'device';
  readonly name: string;
}

/** The machine itself: files, background work, questions about everything. @public */
export interface MachineActor {
  readonly kind: 'machine';
}

/** Who does it. @public */
export type Actor = ProcessActor | DeviceActor | MachineActor;

/** What every event has. @public */
export interface EventBase {
  /** Line in the file that it came from, counted from 1. */
  readonly line: number;
  /** `@TASK`: the concurrent task that it belongs to; absent before the first task and after the last. */
  readonly task?: string;
  /** `-> NAME`: what its result is called from here on. */
  readonly binding?: string;
  /** `= VALUE`: what the recorded system returned. */
  readonly recorded?: RecordedValue;
}

/** `rwx` letters in this order, or `-` for none. @public */
export type Protection = '-' | 'r' | 'w' | 'x' | 'rw' | 'rx' | 'wx' | 'rwx';

/** Flags of `mmap`. @public */
export type MmapFlag =
  | 'private'
  | 'shared'
  | 'anonymous'
  | 'fixed'
  | 'fixed_noreplace'
  | 'populate'
  | 'growsdown'
  | 'noreserve'
  | 'hugetlb'
  | 'locked'
  | 'stack';

/** Flags of `mremap`. @public */
export type MremapFlag = 'maymove' | 'fixed' | 'dontunmap';

/** Flags of `msync`. @public */
export type MsyncFlag = 'async' | 'sync' | 'invalidate';

/** What `madvise` can be told. @public */
export type Advice =
  | 'dontneed'
  | 'free'
  | 'remove'
  | 'willneed'
  | 'cold'
  | 'pageout'
  | 'hugepage'
  | 'nohugepage'
  | 'collapse'
  | 'mergeable'
  | 'unmergeable'
  | 'dontfork'
  | 'dofork'
  | 'wipeonfork'
  | 'keeponfork'
  | 'populate_read'
  | 'populate_write';

interface ProcessEventBase extends EventBase {
  readonly actor: ProcessActor;
}

interface RangeEventBase extends ProcessEventBase {
  readonly address: Operand;
  readonly length: number;
}

/** `p1 load ADDR SIZE`, `p1 modify ADDR SIZE`, `p1 fetch ADDR SIZE`. @public */
export interface AccessEvent extends ProcessEventBase {
  readonly verb: 'load' | 'modify' | 'fetch';
  readonly address: Operand;
  readonly size: number;
}

/** `p1 store ADDR BYTES` or `p1 store ADDR SIZE`: without `data` the runner writes a pattern. @public */
export interface StoreEvent extends ProcessEventBase {
  readonly verb: 'store';
  readonly address: Operand;
  readonly size: number;
  readonly data?: Uint8Array;
}

/** `p1 mmap ADDR LEN PROT FLAGS [FILE OFFSET]`; `file` is absent for anonymous memory. @public */
export interface MmapEvent extends RangeEventBase {
  readonly verb: 'mmap';
  readonly protection: Protection;
  readonly flags: readonly MmapFlag[];
  readonly file?: string;
  readonly offset?: number;
}

/** `p1 munmap ADDR LEN`, and `mlock`, `munlock`, `mincore`, `pagemap` in the same form. @public */
export interface RangeEvent extends RangeEventBase {
  readonly verb: 'munmap' | 'mlock' | 'munlock' | 'mincore' | 'pagemap';
}

/** `p1 mprotect ADDR LEN PROT`. @public */
export interface MprotectEvent extends RangeEventBase {
  readonly verb: 'mprotect';
  readonly protection: Protection;
}

/** `p1 mremap ADDR OLD NEW FLAGS [NEWADDR]`. @public */
export interface MremapEvent extends ProcessEventBase {
  readonly verb: 'mremap';
  readonly address: Operand;
  readonly oldLength: number;
  readonly newLength: number;
  readonly flags: readonly MremapFlag[];
  readonly newAddress?: Operand;
}

/** `p1 madvise ADDR LEN ADVICE`. @public */
export interface MadviseEvent extends RangeEventBase {
  readonly verb: 'madvise';
  readonly advice: Advice;
}

/** `p1 msync ADDR LEN FLAGS`. @public */
export interface MsyncEvent extends RangeEventBase {
  readonly verb: 'msync';
  readonly flags: readonly MsyncFlag[];
}

/**
 * `p1 brk ADDR`. In a recording, the first one of an image is `brk 0x0 = VALUE` and says where its heap begins.
 * @public
 */
export interface BrkEvent extends ProcessEventBase {
  readonly verb: 'brk';
  readonly address: Operand;
}

/** `p1 exit [STATUS]`. @public */
export interface ExitEvent extends ProcessEventBase {
  readonly verb: 'exit';
  readonly status?: number;
}

/**
 * `p1 fork -> p2`, `p1 vfork -> p2` (the child shares the address space until it executes another program or ends),
 * `p1 exec` (drops the address space), `p1 signal` (one becomes pending), and the questions
 * `p1 maps`, `p1 rss`.
 * @public
 */
export interface PlainProcessEvent extends ProcessEventBase {
  readonly verb: 'fork' | 'vfork' | 'exec' | 'signal' | 'maps' | 'rss';
}

/** Everything that a process does. @public */
export type ProcessEvent =
  | AccessEvent
  | StoreEvent
  | MmapEvent
  | RangeEvent
  | MprotectEvent
  | MremapEvent
  | MadviseEvent
  | MsyncEvent
  | BrkEvent
  | ExitEvent
  | PlainProcessEvent;

/** One line of the event language; tell them apart by `actor.kind`, then by `verb`. @public */
export type MmEvent = ProcessEvent | DeviceEvent | MachineEvent;

/** Whether the event makes a process. */
export function makesProcess({ verb }: MmEvent): boolean {
  return verb === 'fork' || verb === 'vfork';
}

/** The number in `p7`, or `undefined` for a name that `fork -> NAME` chose freely. @public */
export function processNumber(name: string): number | undefined {
  const match = /^p([1-9][0-9]{0,8})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}
