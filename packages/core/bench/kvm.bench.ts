/** The secondary MMU: its faults, what its mappings add to dropping a page, and registration. */
import type { Device, DeviceAccess } from '@mmu-notifier/plugin-api';
import { kvm } from '@mmu-notifier/kvm';
import { AREA, Model, PAGE, warmModel } from './model.ts';
import { type Aim, type Row, cpuTime } from './row.ts';

const HALF: Aim = { kind: 'ratio', atMost: 1 / 2, text: '<= 1/2' };
/** As many as the guest of `tools/linux-truth` has. */
const PAGES = 8192;

let made: { readonly model: Model; readonly device: Device } | undefined;

function guest(): { readonly model: Model; readonly device: Device } {
  if (made !== undefined) return made;
  const model = warmModel();
  const device = model.machine.run('kvm', model.machine.attach('kvm', kvm()));
  model.run(device.open(model.process.handle));
  return (made = { model, device });
}

/** The guest stores one byte to every page, as the replay of a recording does: try, and run what that cannot do. */
function guestWrites(model: Model, device: Device): void {
  const data = Uint8Array.of(1);
  const request: { -readonly [K in keyof DeviceAccess]: DeviceAccess[K] } = {
    process: model.process.handle,
    space: 'process',
    address: AREA,
    kind: 'store',
    data,
  };
  for (let i = 0; i < PAGES; i++) {
    request.address = AREA + i * PAGE;
    if (!model.machine.tryDeviceAccess(device, request)) model.run(device.access(request));
  }
}

function fault(host: 'present' | 'missing'): number {
  const { model, device } = guest();
  model.map(PAGES);
  if (host === 'present') model.write(PAGES);
  const cost = cpuTime(PAGES, () => guestWrites(model, device));
  model.unmap(PAGES);
  return cost;
}

/** Dropping pages that the guest maps, less dropping pages that it does not map. */
function dropExtra(): number {
  const { model, device } = guest();
  model.map(PAGES);
  model.write(PAGES);
  const alone = cpuTime(PAGES, () => model.drop(PAGES));
  guestWrites(model, device);
  const mapped = cpuTime(PAGES, () => model.drop(PAGES));
  model.unmap(PAGES);
  return mapped - alone;
}

const registered = new Map<number, Model>();

function registration(areas: number): number {
  let model = registered.get(areas);
  if (model === undefined) {
    model = new Model();
    model.manyAreas(areas, 'touched');
    registered.set(areas, model);
  }
  const on = model;
  const device = on.run(on.machine.attach('kvm', kvm()));
  const cost = cpuTime(1, () => on.run(device.open(on.process.handle)));
  on.run(on.machine.detach('kvm'));
  return cost;
}

const registrationRow = (areas: number): Row => ({
  name: `registration with ${areas.toLocaleString('en')} VMAs`,
  kernel: `register-${areas}`,
  unit: 'us',
  aim: { kind: 'ratio', atMost: 1, text: '<= 1' },
  measure: () => registration(areas),
});

/** Rows by the names that `timing.c` has for them. */
export const rows: readonly Row[] = [
  {
    name: 'KVM fault, host page present',
    kernel: 'kvm-fault-present',
    unit: 'ns',
    aim: HALF,
    measure: () => fault('present'),
  },
  {
    name: 'KVM fault, host page missing',
    kernel: 'kvm-fault-missing',
    unit: 'ns',
    aim: HALF,
    measure: () => fault('missing'),
  },
  {
    name: 'drop, extra for a page of KVM',
    kernel: 'kvm-drop-extra',
    unit: 'ns',
    aim: { kind: 'ratio', atMost: 1, text: '<= 1' },
    measure: dropExtra,
  },
  registrationRow(1000),
  registrationRow(10_000),
  registrationRow(60_000),
];
