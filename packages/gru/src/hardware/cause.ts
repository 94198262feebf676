/** Bits of an exception's cause (`CBE_CAUSE_*`); those that nothing here can raise are left out. */
export const Cause = {
  /** Bit 1. */
  InvalidInstruction: 0x02,
  /** Bit 5. */
  DataSegmentLimit: 0x20,
  /** Bit 6. */
  OsFatalTlbFault: 0x40,
} as const;

const NAMES: readonly (readonly [bit: number, name: string])[] = [
  [Cause.InvalidInstruction, 'INVALID_INSTRUCTION'],
  [Cause.DataSegmentLimit, 'DATA_SEGMENT_LIMIT_EXCEPTION'],
  [Cause.OsFatalTlbFault, 'OS_FATAL_TLB_FAULT'],
];

/** The bits by name, joined. */
export function causeNames(cause: number): string {
  return NAMES.filter(([bit]) => (cause & bit) !== 0)
    .map(([, name]) => name)
    .join('+');
}
