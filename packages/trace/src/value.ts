/** What an event can answer, as `= VALUE` records it and as a verdict compares it. */

/** Bytes as lower-case hex digits in memory order, without `0x`. @public */
export interface BytesValue {
  readonly kind: 'bytes';
  readonly hex: string;
}

/** An address or another number. @public */
export interface NumberValue {
  readonly kind: 'number';
  readonly value: number;
}

/** A failed call, by the name that Linux uses. @public */
export interface ErrnoValue {
  readonly kind: 'errno';
  readonly name: string;
}

/** An access that faulted. @public */
export interface SignalValue {
  readonly kind: 'signal';
  readonly name: string;
}

/** A process, as `fork` answers it. @public */
export interface ProcessValue {
  readonly kind: 'process';
  readonly name: string;
}

/** What a device says: how its access ended, or what its action answers. A verdict compares it; no line records it. @public */
export interface WordsValue {
  readonly kind: 'words';
  /** Without `"`. */
  readonly text: string;
}

/** `= VALUE`. @public */
export type RecordedValue = BytesValue | NumberValue | ErrnoValue | SignalValue | ProcessValue;
