/**
 * The GSEG: a context's registers in the address space of its process. The first touch while the context is not loaded
 * faults, and the fault loads it; unloading takes the ptes away before the registers are somebody else's.
 *
 *     0         control blocks, 256 bytes each; the first byte of a block is its istatus
 *     128 KiB   the data segment
 *
 * CPUs map frames, so a chiplet has a frame for each page of registers that is mapped: taken when a context is loaded,
 * given back when it is not. Instructions are still issued by calls (`user/`): a store into a control block starts none.
 *
 * Mirrors `gru_file_mmap`, `gru_fault` and `gru_vma_close`. One difference: a context can be without a window. A recording of a real
 * program has no room set aside for one.
 */
import { PAGE_SIZE, isErrno } from '@mmu-notifier/plugin-api';
import type {
  DeviceFaultResult,
  DeviceVmaService,
  DeviceWindow,
  Errno,
  Pfn,
  Routine,
  VirtualAddress,
} from '@mmu-notifier/plugin-api';
import type { SegmentView } from '../hardware/cch.ts';
import type { InstructionStatus } from '../hardware/control-block.ts';
import type { Gts } from './gts.ts';
import { gsegFault } from './placement.ts';
import type { GruShared } from './shared.ts';

export const GSEG_BYTES = 0x40000;
const CB_STRIDE = 256;
const DS_BASE = 0x20000;
const STATUS: Readonly<Record<InstructionStatus, number>> = { IDLE: 0, EXCEPTION: 1, ACTIVE: 2, CALL_OS: 3 };

export class GsegWindow implements SegmentView {
  /** Set when it is mapped. */
  window: DeviceWindow | undefined;
  /** Frames of its registers: control blocks, then data segment; given back when the window goes. */
  readonly pages: number;
  private readonly cbPages: number;
  private readonly gts: Gts;
  private readonly service: DeviceVmaService;
  private readonly shared: GruShared;
  /** While the context is loaded. */
  private frames: readonly Pfn[] = [];

  constructor(gts: Gts, service: DeviceVmaService, shared: GruShared) {
    this.gts = gts;
    this.service = service;
    this.shared = shared;
    this.cbPages = Math.ceil((gts.config.controlBlocks * CB_STRIDE) / PAGE_SIZE);
    this.pages = this.cbPages + Math.ceil(gts.config.dataSegmentBytes / PAGE_SIZE);
  }

  /** The context has registers. @locks gts.ctxlock. @sleeps Never. */
  load(dsr: Uint8Array): void {
    this.shared.state.changes();
    this.frames = this.shared.windowFrames.splice(-this.pages);
    for (const { number } of this.gts.blocks) this.showStatus(number);
    this.push(dsr);
  }

  /** It has none any more; no CPU reaches them. @locks gts.ctxlock. @sleeps Never. */
  unload(dsr: Uint8Array): void {
    this.pull(dsr);
    this.shared.state.changes();
    this.shared.windowFrames.push(...this.frames);
    this.frames = [];
  }

  pull(dsr: Uint8Array): void {
    this.eachPage(dsr, (pfn, length, at) => this.service.loadFrame(pfn, 0, length, dsr, at));
  }

  push(dsr: Uint8Array): void {
    this.eachPage(dsr, (pfn, length, at) => this.service.storeFrame(pfn, 0, length, dsr, at));
  }

  showStatus(number: number): void {
    const at = number * CB_STRIDE;
    const pfn = this.frames[Math.floor(at / PAGE_SIZE)];
    const block = this.gts.blocks[number];
    if (pfn === undefined || block === undefined) return;
    this.service.storeFrame(pfn, at % PAGE_SIZE, 1, Uint8Array.of(STATUS[block.istatus]), 0);
  }

  /** The frame behind an address, `undefined` where the GSEG has nothing. */
  frameAt(address: number): Pfn | undefined {
    const offset = address - (this.window?.start ?? 0);
    const inData = offset >= DS_BASE;
    const page = Math.floor((inData ? offset - DS_BASE : offset) / PAGE_SIZE);
    return inData || page < this.cbPages ? this.frames[inData ? this.cbPages + page : page] : undefined;
  }

  /** @sleeps Never. */
  *zap(): Routine<void> {
    const { window } = this;
    if (window !== undefined) yield* this.service.zap(window, window.start, window.end);
  }

  private eachPage(dsr: Uint8Array, each: (pfn: Pfn, length: number, at: number) => void): void {
    for (let at = 0, page = this.cbPages; at < dsr.length; at += PAGE_SIZE, page++) {
      const pfn = this.frames[page];
      if (pfn !== undefined) each(pfn, Math.min(PAGE_SIZE, dsr.length - at), at);
    }
  }
}

/**
 * Maps the GSEG of a context into its process. A context that runs is unloaded first, for its registers must lie in
 * frames.
 *
 * @param close - What to do when the process unmaps it.
 * @locks None held. @sleeps May. Errors: `EOPNOTSUPP`, `EEXIST`, `EIO`, `EINVAL`, `ENOMEM`, `ESRCH`.
 */
export function* mapGseg(
  shared: GruShared,
  gts: Gts,
  address: VirtualAddress | undefined,
  unload: () => Routine<void>,
  close: () => Routine<void>,
): Routine<VirtualAddress | Errno> {
  const { deviceVmas } = shared.host;
  if (deviceVmas === undefined) return 'EOPNOTSUPP';
  if (address !== undefined && address % GSEG_BYTES !== 0) return 'EINVAL';
  if (gts.window !== undefined) return 'EEXIST';
  const gseg = new GsegWindow(gts, deviceVmas, shared);
  const error = yield* grow(deviceVmas, shared, gseg.pages);
  if (error !== undefined) return error;
  yield* gts.ctxlock.acquire();
  const free = !gts.closed && gts.window === undefined;
  if (free) {
    yield* unload();
    gts.window = gseg;
  }
  gts.ctxlock.release();
  if (!free) {
    shrink(deviceVmas, shared, gseg.pages);
    return gts.closed ? 'EIO' : 'EEXIST';
  }
  const window = yield* deviceVmas.map(
    {
      mm: gts.gms.mm,
      name: '/dev/gru',
      length: GSEG_BYTES,
      alignment: GSEG_BYTES,
      access: 'read-write',
      locked: true,
      ...(address === undefined ? {} : { address }),
    },
    {
      fault: (mapped, at) => faultGseg(shared, gts, mapped, at),
      close,
    },
  );
  if (isErrno(window)) {
    yield* forgetWindow(shared, gts, unload);
    return window;
  }
  gseg.window = window;
  return window.start;
}

/** The window is gone, or about to: its frames go too. @locks Takes gts.ctxlock. @sleeps May. */
export function* forgetWindow(shared: GruShared, gts: Gts, unload: () => Routine<void>): Routine<void> {
  yield* gts.ctxlock.acquire();
  const { window } = gts;
  if (window !== undefined) {
    yield* unload();
    gts.window = undefined;
  }
  gts.ctxlock.release();
  const { deviceVmas } = shared.host;
  if (window !== undefined && deviceVmas !== undefined) shrink(deviceVmas, shared, window.pages);
}

/** @locks mmapLock held for reading. @sleeps May. */
function* faultGseg(
  shared: GruShared,
  gts: Gts,
  mapped: DeviceWindow,
  address: VirtualAddress,
): Routine<DeviceFaultResult> {
  yield* gts.ctxlock.acquire();
  let answer: DeviceFaultResult = 'SIGBUS';
  if (gts.window !== undefined && !gts.closed && !gts.gms.released) {
    gts.window.window ??= mapped;
    const pfn = gts.window.frameAt(address);
    if (!gts.loaded) {
      answer = { retryAfter: loadForFault(shared, gts) };
    } else if (pfn !== undefined) {
      const error = yield* (shared.host.deviceVmas as DeviceVmaService).insertPfn(mapped, address, {
        pfn,
        writable: true,
      });
      if (error === undefined) answer = 'installed';
    }
  }
  gts.ctxlock.release();
  return answer;
}

function* loadForFault(shared: GruShared, gts: Gts): Routine<void> {
  yield* gsegFault(shared, gts);
}

function* grow(service: DeviceVmaService, shared: GruShared, pages: number): Routine<Errno | undefined> {
  for (let i = 0; i < pages; i++) {
    const pfn = yield* service.allocateFrame();
    if (isErrno(pfn)) {
      shrink(service, shared, i);
      return pfn;
    }
    shared.state.changes();
    shared.windowFrames.push(pfn);
  }
  return undefined;
}

function shrink(service: DeviceVmaService, { windowFrames, state }: GruShared, pages: number): void {
  state.changes();
  for (const pfn of windowFrames.splice(windowFrames.length - pages)) service.freeFrame(pfn);
}
