/** Verbs that scripts can give the device: `kvm0 memslot SLOT GPA SIZE HVA [readonly|-]`. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAction, Errno, ProcessHandle, Routine } from '@mmu-notifier/plugin-api';
import type { KvmMemoryRegion } from './memory-region.ts';
import { setMemoryRegion } from './memslot-update.ts';
import type { KvmShared, Vm } from './vm.ts';

const NUMBER = /^(0x[0-9a-f]+|[0-9]+)([kmg]?)$/i;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Without a process the action means the device's only VM. */
export function kvmActions(shared: KvmShared): Readonly<Record<string, DeviceAction>> {
  return {
    *memslot(process: ProcessHandle | undefined, args: readonly string[]): Routine<Errno | undefined> {
      const vm = vmOf(shared, process);
      if (isErrno(vm)) return vm;
      const region = parseRegion(args);
      if (region === undefined) return 'EINVAL';
      return yield* setMemoryRegion(vm, region);
    },
  };
}

function vmOf({ vms }: KvmShared, process: ProcessHandle | undefined): Vm | Errno {
  if (process !== undefined) return vms.get(process.name) ?? 'EIO';
  if (vms.size > 1) return 'EINVAL';
  for (const vm of vms.values()) return vm;
  return 'EIO';
}

function parseRegion(args: readonly string[]): KvmMemoryRegion | undefined {
  const [slot, gpa, size, hva] = args.slice(0, 4).map(parseNumber);
  const flags = args[4] ?? '-';
  if (args.length > 5 || (flags !== 'readonly' && flags !== '-')) return undefined;
  if (slot === undefined || gpa === undefined || size === undefined || hva === undefined) return undefined;
  return { slot, gpa, size, hva, readonly: flags === 'readonly' };
}

/** Decimal or hexadecimal, in units of 1024 where a letter says so. */
function parseNumber(text: string): number | undefined {
  const match = NUMBER.exec(text);
  return match === null ? undefined : Number(match[1]) * (UNITS[(match[2] as string).toLowerCase()] as number);
}
