/** The names of a run: what `-> NAME` bound, and which process a name means. */
import type { Operand } from '@mmu-notifier/trace';
import { isReference } from '@mmu-notifier/trace';
import type { BoundValue } from './outcome.ts';

/** What a program sees as the address of a mapping that failed: `MAP_FAILED`. */
export const MAP_FAILED = -1;

export class Bindings {
  private readonly values = new Map<string, BoundValue>();

  bind(name: string, value: BoundValue): void {
    this.values.set(name, value);
  }

  get(name: string): BoundValue | undefined {
    return this.values.get(name);
  }

  /** `fork -> child`: what the machine calls the process that the script calls `child`. */
  processName(name: string): string {
    const value = this.values.get(name);
    return value?.kind === 'process' ? value.name : name;
  }

  /** The address that an operand means now; `MAP_FAILED` where the event that should have bound it failed. */
  address(operand: Operand): number {
    if (!isReference(operand)) return operand;
    const value = this.values.get(operand.name);
    if (value?.kind !== 'number') return MAP_FAILED;
    const address = value.value + operand.offset;
    return address < 0 ? MAP_FAILED : address;
  }

  /** `a=0x1000 r0=01`, in order of names: one key per way a run can end. */
  summary(): string {
    const names = [...this.values.keys()].sort();
    return names.map((name) => `${name}=${printValue(this.values.get(name))}`).join(' ');
  }
}

export function printValue(value: BoundValue | undefined): string {
  switch (value?.kind) {
    case 'bytes':
      return value.hex;
    case 'number':
      return `0x${value.value.toString(16)}`;
    case 'words':
      return `"${value.text}"`;
    case 'errno':
    case 'signal':
    case 'process':
      return value.name;
    default:
      return '-';
  }
}
