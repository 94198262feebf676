/** Contexts of a process, from `open` to `close`. Mirrors `gru_alloc_gts` and `gts_drop`. */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { Errno, ProcessHandle, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { getGms, putGms } from './driver/gms.ts';
import { forgetWindow, mapGseg } from './driver/gseg-window.ts';
import { Gts } from './driver/gts.ts';
import { unloadContext } from './driver/load.ts';
import type { GruShared } from './driver/shared.ts';
import type { ContextConfig } from './options.ts';

/** @locks None of core's held. @sleeps May. Errors: `ESRCH`, those of `notifiers.get`. */
export function* createContext(shared: GruShared, process: ProcessHandle, config: ContextConfig): Routine<Gts | Errno> {
  const { host, contexts, stats, blades } = shared;
  const { mm } = process;
  if (mm === undefined || !host.processes.getNotZero(mm)) return 'ESRCH';
  const gms = yield* getGms(shared, mm);
  let result: Gts | Errno;
  if (isErrno(gms)) {
    result = gms;
  } else {
    shared.state.changes();
    let mine = contexts.get(process.name);
    if (mine === undefined) contexts.set(process.name, (mine = []));
    const number = (mine[mine.length - 1]?.number ?? -1) + 1;
    result = new Gts(shared, process.name, number, gms, config, contexts.size % blades.length);
    mine.push(result);
    stats.gts_alloc();
  }
  // The last reference tears the address space down, and calls `release`, here.
  yield* host.processes.put(mm);
  return result;
}

/** Maps the GSEG of a context; unmapping it closes the context. @sleeps May. Errors: those of `mapGseg`. */
export function mapWindow(
  shared: GruShared,
  gts: Gts,
  address: VirtualAddress | undefined,
): Routine<VirtualAddress | Errno> {
  return mapGseg(
    shared,
    gts,
    address,
    () => unloadContext(shared, gts),
    () => closeContext(shared, gts),
  );
}

/** As the process does by unmapping its window, if it has one. @locks None of core's held. @sleeps May. */
export function* closeWindowed(shared: GruShared, gts: Gts): Routine<void> {
  const window = gts.window?.window;
  if (window !== undefined) yield* shared.host.deviceVmas?.unmap(window) ?? nothing();
  yield* closeContext(shared, gts);
}

function* nothing(): Routine<void> {}

/** Nobody uses it any more: whoever waits in it gives up. A second call waits for the first. @sleeps May. */
export function* closeContext(shared: GruShared, gts: Gts): Routine<void> {
  const { stats } = shared;
  if (gts.closed) {
    yield* gts.ctxlock.acquire();
    gts.ctxlock.release();
    forget(shared, gts);
    return;
  }
  gts.closed = true;
  gts.blockQueue.wakeAll();
  gts.gms.waitQueue.wakeAll();
  yield* gts.ctxlock.acquire();
  yield* unloadContext(shared, gts);
  gts.ctxlock.release();
  yield* forgetWindow(shared, gts, () => unloadContext(shared, gts));
  forget(shared, gts);
  stats.gts_free();
  yield* putGms(shared, gts.gms);
}

function forget({ contexts, state }: GruShared, gts: Gts): void {
  state.changes();
  const mine = contexts.get(gts.process);
  const at = mine?.indexOf(gts) ?? -1;
  if (mine === undefined || at < 0) return;
  mine.splice(at, 1);
  if (mine.length === 0) contexts.delete(gts.process);
}
