/** The notifier chain itself: a page that is dropped, with none, one and three who listen and do nothing. */
import { type SecondaryMmuPlugin, definePlugin, isErrno } from '@mmu-notifier/plugin-api';
import { kvm } from '@mmu-notifier/kvm';
import { type Model, warmModel } from './model.ts';
import { type Row, cpuTime } from './row.ts';

/** Windows of one page each, in one measurement. */
const WINDOWS = 8192;

function listener(name: string): SecondaryMmuPlugin {
  return definePlugin({
    ...kvm(),
    name,
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
}

const models = new Map<number, Model>();

function modelWith(listeners: number): Model {
  const known = models.get(listeners);
  if (known !== undefined) return known;
  const model = warmModel();
  for (let i = 0; i < listeners; i++) {
    const name = `listener${i}`;
    model.run(model.machine.run(name, model.machine.attach(name, listener(name))).open(model.process.handle));
  }
  models.set(listeners, model);
  return model;
}

/** Nanoseconds to drop one present page by itself. */
function dropOne(listeners: number): number {
  const model = modelWith(listeners);
  model.map(1);
  let cost = 0;
  for (let i = 0; i < WINDOWS; i++) model.write(1);
  cost = cpuTime(WINDOWS, () => {
    for (let i = 0; i < WINDOWS; i++) {
      model.write(1);
      model.drop(1);
    }
  });
  model.unmap(1);
  return cost;
}

export const rows: readonly Row[] = [
  {
    name: 'a page touched and dropped, nobody listens',
    unit: 'ns',
    aim: { kind: 'cost', atMost: 4000 },
    measure: () => dropOne(0),
  },
  ...[1, 3].map((listeners): Row => ({
    name: `chain: more with ${listeners} on it`,
    unit: 'ns',
    aim: { kind: 'cost', atMost: 1500 + 500 * listeners },
    measure: () => dropOne(listeners) - dropOne(0),
  })),
];
