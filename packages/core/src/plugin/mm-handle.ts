/** From the handle that a driver has to the address space that it means. */
import type { MmHandle } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import { MmStruct } from '../mm/mm-struct.ts';

/** @throws UsageError when the handle is not from this machine. */
export function asMm(handle: MmHandle): MmStruct {
  if (handle instanceof MmStruct) return handle;
  throw new UsageError('bad-handle', 'found an object that is no address space of this machine, expected `process.mm`');
}
