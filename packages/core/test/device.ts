/** Accesses by a device, one byte or several. */
import type { Device, DeviceAccessResult } from '@mmu-notifier/plugin-api';
import type { Machine } from '../src/machine.ts';
import type { Process } from '../src/machine-api.ts';
import { p1, run } from './machine.ts';

export function deviceStore(
  machine: Machine,
  device: Device,
  address: number,
  value: number | Uint8Array,
  process: Process = p1(machine),
): DeviceAccessResult {
  const data = typeof value === 'number' ? Uint8Array.of(value) : value;
  return run(
    machine,
    device.access({ process: process.handle, space: 'process', address, kind: 'store', data }),
    process,
  );
}

/** @returns the byte, or why there is none. */
export function deviceLoad(
  machine: Machine,
  device: Device,
  address: number,
  process: Process = p1(machine),
): number | DeviceAccessResult {
  const data = new Uint8Array(1);
  const result = run(
    machine,
    device.access({ process: process.handle, space: 'process', address, kind: 'load', data }),
    process,
  );
  return result === 'done' ? data[0] : result;
}
