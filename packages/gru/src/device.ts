/** The device: `/dev/gru` with the contexts that processes have opened. */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type {
  Device,
  DeviceAccess,
  DeviceAccessResult,
  DeviceAction,
  DeviceViolation,
  Errno,
  ProcessHandle,
  Routine,
  TranslationView,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import { accessGru, tryAccessGru } from './access.ts';
import { gruActions } from './actions.ts';
import { contextConfig } from './context-config.ts';
import { closeWindowed, createContext, mapWindow } from './contexts.ts';
import type { GruShared } from './driver/shared.ts';
import { brokenInvariants } from './invariants.ts';

export class GruDevice implements Device {
  readonly actions: Readonly<Record<string, DeviceAction>>;
  private readonly shared: GruShared;
  private detached = false;

  constructor(shared: GruShared) {
    this.shared = shared;
    this.actions = gruActions(shared);
  }

  /**
   * Gives the process a context, bound to the address space that it has now. It is loaded when it is first used.
   *
   * @sleeps May. Errors: `ENODEV`, `ESRCH`, `EEXIST`, `EINVAL`, `EINTR` and `ENOMEM` of `notifiers.get`.
   */
  *open(process: ProcessHandle, options?: unknown): Routine<Errno | undefined> {
    if (this.detached) return 'ENODEV';
    this.shared.state.reads();
    if (this.shared.contexts.has(process.name)) return 'EEXIST';
    const config = contextConfig(this.shared, options, this.shared.config.context);
    if (isErrno(config)) return config;
    const gts = yield* createContext(this.shared, process, config);
    if (isErrno(gts)) return gts;
    const address = config.gseg ? yield* mapWindow(this.shared, gts, undefined) : undefined;
    if (!this.detached && !isErrno(address)) return undefined;
    yield* this.close(process);
    return isErrno(address) ? address : 'ENODEV';
  }

  /** @sleeps On a miss. */
  access(request: DeviceAccess): Routine<DeviceAccessResult> {
    return accessGru(this.shared, request);
  }

  /** @sleeps Never. */
  tryAccess(request: DeviceAccess): boolean {
    return tryAccessGru(this.shared, request);
  }

  /** Closes every context of the process. @sleeps May. */
  *close(process: ProcessHandle): Routine<void> {
    yield* this.closeAll(process.name);
  }

  *detach(): Routine<void> {
    this.detached = true;
    for (const name of [...this.shared.contexts.keys()]) yield* this.closeAll(name);
  }

  *translations(): Iterable<TranslationView> {
    for (const { chiplet } of this.shared.chiplets) {
      for (const { mm, page, pfn, writable } of chiplet.tlb.reachable()) {
        const address = page * PAGE_SIZE;
        yield { mm, address: address as VirtualAddress, deviceAddress: address, pfn, writable };
      }
    }
  }

  invariants(): Iterable<DeviceViolation> {
    return brokenInvariants(this.shared);
  }

  private *closeAll(name: string): Routine<void> {
    this.shared.state.reads();
    const contexts = this.shared.contexts.get(name) ?? [];
    while (contexts.length > 0) {
      const gts = contexts[contexts.length - 1];
      if (gts !== undefined) yield* closeWindowed(this.shared, gts);
    }
  }
}
