/** The windows and frames of one device: what the driver asked for, and what it must have given back when it goes. */
import type {
  DevicePage,
  DeviceVmaService,
  DeviceWindowOps,
  DeviceWindowRequest,
  DeviceWindow as WindowHandle,
  Errno,
  Pfn,
  Routine,
} from '@mmu-notifier/plugin-api';
import { isErrno } from '@mmu-notifier/plugin-api';
import { UsageError, hex } from '../contract.ts';
import { DeviceWindow } from '../device-vma/device-window.ts';
import { mapWindow, unmapWindow } from '../device-vma/map-window.ts';
import { insertPfn, zapWindow } from '../device-vma/window-ptes.ts';
import type { Kernel } from '../kernel.ts';
import { FrameFlags } from '../memory/frame-table.ts';
import { PointKind } from '../sched/preemption-point.ts';
import type { Ledger } from './ledger.ts';
import { asMm } from './mm-handle.ts';

export class DeviceVmas implements DeviceVmaService {
  private readonly kernel: Kernel;
  private readonly ledger: Ledger;
  private readonly windows = new Set<DeviceWindow>();
  private readonly frames = new Set<number>();

  constructor(kernel: Kernel, ledger: Ledger) {
    this.kernel = kernel;
    this.ledger = ledger;
  }

  *map(request: DeviceWindowRequest, ops: DeviceWindowOps): Routine<DeviceWindow | Errno> {
    const window = yield* mapWindow(this.kernel, asMm(request.mm), request, ops);
    if (isErrno(window)) return window;
    for (const old of this.windows) if (!old.mapped) this.windows.delete(old);
    this.windows.add(window);
    return window;
  }

  unmap(window: WindowHandle): Routine<void> {
    return unmapWindow(this.kernel, asWindow(window));
  }

  insertPfn(window: WindowHandle, address: number, { pfn, writable, source }: DevicePage): Routine<Errno | undefined> {
    const own = asWindow(window);
    if (!own.mm.mmapLock.held) this.misuse(`makes a pte of ${own.name} without mmapLock`);
    if (own.exiting()) this.misuse(`makes a pte of ${own.name} in an address space that nobody uses`);
    if (source === undefined && !this.frames.has(pfn))
      this.misuse(`makes a pte for frame ${pfn}, which is none of its own, without an entry of the ledger`);
    if (source !== undefined && !this.ledger.backs(source, pfn, writable))
      this.misuse(`makes a pte for frame ${pfn} by an entry of the ledger that does not say so`);
    const page = { pfn, writable, source: source === undefined ? undefined : { ledger: this.ledger, entry: source } };
    return insertPfn(this.kernel, own, address, page);
  }

  zap(window: WindowHandle, start: number, end: number): Routine<void> {
    return zapWindow(this.kernel, asWindow(window), start, end);
  }

  *allocateFrame(): Routine<Pfn | Errno> {
    const pfn = yield* this.kernel.allocator.allocateZeroed();
    if (pfn < 0) return 'ENOMEM';
    this.kernel.frames.set(pfn, FrameFlags.Device);
    this.frames.add(pfn);
    return pfn as Pfn;
  }

  freeFrame(pfn: Pfn): void {
    this.own(pfn, 'frees');
    this.frames.delete(pfn);
    this.kernel.frames.clear(pfn, FrameFlags.Device);
    this.kernel.allocator.put(pfn);
  }

  loadFrame(pfn: Pfn, offset: number, length: number, into: Uint8Array, at: number): void {
    this.own(pfn, 'reads');
    this.note(PointKind.FrameLoad, pfn);
    const page = this.kernel.allocator.memory.page(pfn);
    for (let i = 0; i < length; i++) into[at + i] = page[offset + i];
  }

  storeFrame(pfn: Pfn, offset: number, length: number, from: Uint8Array, at: number): void {
    this.own(pfn, 'writes');
    this.note(PointKind.FrameStore, pfn);
    const page = this.kernel.allocator.memory.page(pfn);
    for (let i = 0; i < length; i++) page[offset + i] = from[at + i];
  }

  /** The driver has let go of the device. */
  detached(): void {
    const { scheduler } = this.kernel;
    const { device } = this.ledger;
    for (const { mapped, name, start } of this.windows)
      if (mapped) scheduler.fail('leaked-window', `${device} is detached, and its ${name} at ${hex(start)} is mapped`);
    if (this.frames.size > 0) scheduler.fail('leak', `${device} is detached with ${this.frames.size} frames`);
  }

  private note(kind: PointKind, pfn: number): void {
    const { scheduler } = this.kernel;
    if (scheduler.preemptive) scheduler.note(kind, pfn);
  }

  private own(pfn: number, what: string): void {
    if (!this.frames.has(pfn)) this.misuse(`${what} frame ${pfn}, which is none of its own`);
  }

  private misuse(what: string): never {
    this.kernel.scheduler.fail('device-vma-misuse', `${this.ledger.device} ${what}`);
  }
}

/** @throws UsageError when the handle is not from `map`. */
function asWindow(handle: WindowHandle): DeviceWindow {
  if (handle instanceof DeviceWindow) return handle;
  throw new UsageError('bad-handle', 'found an object that is no window of this machine, expected what `map` answered');
}
