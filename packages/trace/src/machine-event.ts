/** The events of the event language whose actor is a device or the machine itself. */
import type { DeviceActor, EventBase, MachineActor, Operand, Reference } from './event.ts';

interface DeviceEventBase extends EventBase {
  readonly actor: DeviceActor;
}

/** `dev load ADDR SIZE`: through the device's own translations. @public */
export interface DeviceLoadEvent extends DeviceEventBase {
  readonly verb: 'load';
  readonly address: Operand;
  readonly size: number;
}

/** `dev store ADDR BYTES|SIZE`: through the device's own translations. @public */
export interface DeviceStoreEvent extends DeviceEventBase {
  readonly verb: 'store';
  readonly address: Operand;
  readonly size: number;
  readonly data?: Uint8Array;
}

/** `dev translations`: what can the device reach now? @public */
export interface TranslationsEvent extends DeviceEventBase {
  readonly verb: 'translations';
}

/**
 * `dev ACTION ARGUMENT...`: an action that the plugin defines. Words are kept as they are written, since only
 * the plugin knows what they mean; `$a` is a reference that the runner resolves.
 * @public
 */
export interface ActionEvent extends DeviceEventBase {
  readonly verb: 'action';
  readonly action: string;
  readonly arguments: readonly (string | Reference)[];
}

/** Everything that a device does. @public */
export type DeviceEvent = DeviceLoadEvent | DeviceStoreEvent | TranslationsEvent | ActionEvent;

interface MachineEventBase extends EventBase {
  readonly actor: MachineActor;
}

/** `machine file NAME LEN [BYTES]`: creates a file. @public */
export interface FileEvent extends MachineEventBase {
  readonly verb: 'file';
  readonly file: string;
  readonly length: number;
  readonly data?: Uint8Array;
}

/** `machine truncate NAME LEN`; a longer length grows the file. @public */
export interface TruncateEvent extends MachineEventBase {
  readonly verb: 'truncate';
  readonly file: string;
  readonly length: number;
}

/** `machine write NAME OFFSET BYTES`: as `write()` would. @public */
export interface WriteEvent extends MachineEventBase {
  readonly verb: 'write';
  readonly file: string;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** `machine sync NAME`: writes dirty pages back. @public */
export interface SyncEvent extends MachineEventBase {
  readonly verb: 'sync';
  readonly file: string;
}

/** A value of JSON: the options of a plugin. @public */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** `machine attach NAME PLUGIN PROCESS [JSON]`. @public */
export interface AttachEvent extends MachineEventBase {
  readonly verb: 'attach';
  readonly device: string;
  readonly plugin: string;
  readonly process: string;
  readonly options?: JsonValue;
}

/** `machine detach NAME`. @public */
export interface DetachEvent extends MachineEventBase {
  readonly verb: 'detach';
  readonly device: string;
}

/** `machine reclaim PAGES`. @public */
export interface ReclaimEvent extends MachineEventBase {
  readonly verb: 'reclaim';
  readonly pages: number;
}

/** `machine migrate PROCESS ADDR LEN`. @public */
export interface MigrateEvent extends MachineEventBase {
  readonly verb: 'migrate';
  readonly process: string;
  readonly address: Operand;
  readonly length: number;
}

/** `machine collapse|split|poison PROCESS ADDR`. @public */
export interface PageWorkEvent extends MachineEventBase {
  readonly verb: 'collapse' | 'split' | 'poison';
  readonly process: string;
  readonly address: Operand;
}

/** `machine oom PROCESS`. @public */
export interface OomEvent extends MachineEventBase {
  readonly verb: 'oom';
  readonly process: string;
}

/** `machine compact`, `machine ksm`, and the questions `machine stats`, `machine check`. @public */
export interface PlainMachineEvent extends MachineEventBase {
  readonly verb: 'compact' | 'ksm' | 'stats' | 'check';
}

/** Everything that the machine does. @public */
export type MachineEvent =
  | FileEvent
  | TruncateEvent
  | WriteEvent
  | SyncEvent
  | AttachEvent
  | DetachEvent
  | ReclaimEvent
  | MigrateEvent
  | PageWorkEvent
  | OomEvent
  | PlainMachineEvent;
