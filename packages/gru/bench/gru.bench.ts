/** The GRU: a miss until its entry is dropped in, and what its purges add to a window, with and without entries. */
import { type Device, type DeviceAccess, definePlugin, isErrno } from '@mmu-notifier/plugin-api';
import { gru } from '@mmu-notifier/gru';
import { AREA, type Model, PAGE, warmModel } from '../../core/bench/model.ts';
import { type Row, cpuTime } from '../../core/bench/row.ts';

/** Pages of one measurement. */
const PAGES = 8192;
/** A quarter of them misses by want of room as well. */
const TLB_ENTRIES = 65536;
const WINDOWS = 16384;

interface Engine {
  readonly model: Model;
  readonly device: Device;
}

let made: Engine | undefined;

function engine(): Engine {
  if (made !== undefined) return made;
  const model = warmModel();
  const device = model.machine.run('gru', model.machine.attach('gru', gru({ tlbEntries: TLB_ENTRIES })));
  model.run(device.open(model.process.handle));
  return (made = { model, device });
}

/** The device stores a byte to every page: each is a miss. */
function storeToAll({ model, device }: Engine): void {
  const request: { -readonly [K in keyof DeviceAccess]: DeviceAccess[K] } = {
    process: model.process.handle,
    space: 'process',
    address: AREA,
    kind: 'store',
    data: Uint8Array.of(1),
  };
  for (let i = 0; i < PAGES; i++) {
    request.address = AREA + i * PAGE;
    model.run(device.access(request));
  }
}

function miss(host: 'present' | 'missing'): number {
  const on = engine();
  on.model.map(PAGES);
  if (host === 'present') on.model.write(PAGES);
  const cost = cpuTime(PAGES, () => storeToAll(on));
  on.model.unmap(PAGES);
  return cost;
}

/** Dropping pages that the TLB holds, less dropping pages that it does not hold; in turns, for both are small. */
function purgeResident(): number {
  const on = engine();
  const turns = 4;
  let extra = 0;
  on.model.map(PAGES);
  for (let i = 0; i < turns; i++) {
    on.model.write(PAGES);
    extra -= cpuTime(PAGES, () => on.model.drop(PAGES));
    storeToAll(on);
    extra += cpuTime(PAGES, () => on.model.drop(PAGES));
  }
  on.model.unmap(PAGES);
  return extra / turns;
}

let bare: Model | undefined;

/** A device that hears of windows and does nothing. */
const listener = definePlugin({
  ...gru(),
  name: 'listener',
  *attach(host) {
    return {
      *open({ mm }) {
        if (mm === undefined) return 'ESRCH';
        const subscription = yield* host.notifiers.register(mm, {
          *invalidateRangeStart() {
            return 'done';
          },
          *invalidateRangeEnd() {},
        });
        return isErrno(subscription) ? subscription : undefined;
      },
      *access() {
        return 'EIO';
      },
      *close() {},
      *detach() {},
      *translations() {},
    };
  },
});

function bareModel(): Model {
  const model = warmModel();
  const device = model.machine.run('listener', model.machine.attach('listener', listener));
  model.run(device.open(model.process.handle));
  return model;
}

/** Windows over ranges of which the TLB holds nothing, less those that a device hears of which does nothing. */
function purgeEmpty(pages: number): number {
  const { model } = engine();
  bare ??= bareModel();
  const windows = (on: Model): number => {
    on.map(pages);
    const cost = cpuTime(WINDOWS, () => {
      for (let i = 0; i < WINDOWS; i++) on.drop(pages);
    });
    on.unmap(pages);
    return cost;
  };
  const alone = windows(bare);
  return windows(model) - alone;
}

export const rows: readonly Row[] = [
  {
    name: 'GRU, miss to drop-in, page present',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 2000 },
    measure: () => miss('present'),
  },
  {
    name: 'GRU, miss to drop-in, page missing',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 6000 },
    measure: () => miss('missing'),
  },
  {
    name: 'drop, extra for an entry of GRU',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 300 },
    measure: purgeResident,
  },
  {
    name: 'purge of an empty range, 1 page, GRU',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 1500 },
    measure: () => purgeEmpty(1),
  },
  {
    name: 'purge of an empty range, 1023 pages, GRU',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 1500 },
    measure: () => purgeEmpty(1023),
  },
];
