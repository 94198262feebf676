/**
 * The role of a shadow page: everything besides the guest's frame that its entries depend on. Two shadow pages of one guest
 * table with different roles hold different entries. Packed into one number, because a look-up compares it as a whole.
 * Mirrors `union kvm_mmu_page_role`.
 *
 *     bits 0..2 level | 3 direct | 4..6 rights of the entries above | 7 CR0.WP | 8 EFER.NX | 9 SMEP without WP | 10 SMAP without WP
 */
import type { Registers } from '../guest/registers.ts';
import { Rights } from '../guest/registers.ts';

export type Role = number & { readonly __unit: 'shadow-role' };

const DIRECT = 8;
const RIGHTS_SHIFT = 4;
/** First number above all roles. */
export const ROLES: number = 2 ** 11;

export function levelOf(role: Role): number {
  return role & 7;
}

/** Whether the page shadows no table of the guest: entry i is the frame of the first one plus i. */
export function isDirect(role: Role): boolean {
  return (role & DIRECT) !== 0;
}

export function roleRights(role: Role): number {
  return (role >>> RIGHTS_SHIFT) & Rights.All;
}

/** The role of a root under these registers. */
export function rootRole(registers: Registers, level: number): Role {
  const { paging, writeProtect, noExecute, smep, smap } = registers;
  const base = level | (Rights.All << RIGHTS_SHIFT);
  if (!paging) return (base | DIRECT) as Role;
  return (base |
    (writeProtect ? 1 << 7 : 0) |
    (noExecute ? 1 << 8 : 0) |
    (smep && !writeProtect ? 1 << 9 : 0) |
    (smap && !writeProtect ? 1 << 10 : 0)) as Role;
}

/** The role of a page below one with `role`. */
export function childRole(role: Role, rights: number, kind: 'direct' | 'indirect'): Role {
  const kept = role & ~(7 | DIRECT | (Rights.All << RIGHTS_SHIFT));
  const direct = kind === 'direct' ? DIRECT : 0;
  return (kept | direct | (levelOf(role) - 1) | (rights << RIGHTS_SHIFT)) as Role;
}

/** CR0.WP is on. */
export function hasWriteProtect(role: Role): boolean {
  return (role & (1 << 7)) !== 0;
}

/** EFER.NX is on. */
export function hasNoExecute(role: Role): boolean {
  return (role & (1 << 8)) !== 0;
}

/** The guest's kernel does not fetch from pages of user code, and they look like its own: CR0.WP is off. */
export function smepAndNotWp(role: Role): boolean {
  return (role & (1 << 9)) !== 0;
}
