/** The control registers of a vCPU as far as its memory management looks at them, and what an access may do. */

/** Rights of a page, and what an access needs. */
export const Rights = { Write: 1, User: 2, Execute: 4, All: 7 } as const;

/** One access as hardware sees it. */
export interface GuestAccess {
  readonly kind: 'load' | 'store' | 'fetch';
  /** By user code of the guest (CPL 3). */
  readonly user: boolean;
}

/** Bits of the error code of a guest's page fault. */
export const PageFaultCode = { Present: 1, Write: 2, User: 4, Reserved: 8, Fetch: 16 } as const;

/** What the guest's kernel has set. */
export interface Registers {
  /** Off: guest-virtual is guest-physical. */
  readonly paging: boolean;
  /** CR0.WP: read-only pages are so for the guest's kernel too. */
  readonly writeProtect: boolean;
  /** EFER.NX: bit 63 of an entry forbids fetching; without it, it is reserved. */
  readonly noExecute: boolean;
  /** CR4.SMEP, CR4.SMAP: the guest's kernel neither fetches from, nor reads or writes, pages of its user code. */
  readonly smep: boolean;
  readonly smap: boolean;
  /** Frame of the top-level table. */
  readonly cr3: number;
  /** Whether accesses are those of user code. */
  readonly user: boolean;
}

export const RESET: Registers = {
  paging: false,
  writeProtect: false,
  noExecute: false,
  smep: false,
  smap: false,
  cr3: 0,
  user: false,
};

/** Whether a page with these rights takes the access. */
export function permits(registers: Registers, rights: number, { kind, user }: GuestAccess): boolean {
  const userPage = (rights & Rights.User) !== 0;
  if (user && !userPage) return false;
  if (kind === 'store' && (rights & Rights.Write) === 0 && (user || registers.writeProtect)) return false;
  if (kind === 'fetch' && (rights & Rights.Execute) === 0) return false;
  if (user || !userPage) return true;
  return kind === 'fetch' ? !registers.smep : !registers.smap;
}

/** The error code of a page fault. */
export function pageFaultCode(
  registers: Registers,
  { kind, user }: GuestAccess,
  present: boolean,
  reserved: boolean,
): number {
  let code = present ? PageFaultCode.Present : 0;
  if (kind === 'store') code |= PageFaultCode.Write;
  if (user) code |= PageFaultCode.User;
  if (reserved) code |= PageFaultCode.Reserved;
  if (kind === 'fetch' && (registers.noExecute || registers.smep)) code |= PageFaultCode.Fetch;
  return code;
}
