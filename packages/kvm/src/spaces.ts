/**
 * Address spaces of a guest's access, as scripts name them: `process` (the process's own address, which the guest sees
 * through the memslot with the lowest id that shows it), `gpa` (guest-physical), `gva` (guest-virtual); `@1` behind the last
 * two means vCPU 1, and no number vCPU 0.
 */

export interface Space {
  readonly kind: 'process' | 'gpa' | 'gva';
  readonly vcpu: number;
}

const SPACE = /^(gpa|gva)(?:@([0-9]{1,3}))?$/;
const PROCESS: Space = { kind: 'process', vcpu: 0 };
const GPA: Space = { kind: 'gpa', vcpu: 0 };

/** @returns `undefined` for a name that is no address space of a guest with so many vCPUs. */
export function parseSpace(name: string, vcpus: number): Space | undefined {
  if (name === 'process') return PROCESS;
  if (name === 'gpa') return GPA;
  const match = SPACE.exec(name);
  if (match === null) return undefined;
  const vcpu = Number(match[2] ?? 0);
  return vcpu < vcpus ? { kind: match[1] as 'gpa' | 'gva', vcpu } : undefined;
}
