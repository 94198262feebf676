/** All oracles of a machine behind the one observer that the rooms call. They see everything and change nothing. */
import type { PageSource } from '../device-vma/window-ptes.ts';
import type { Kernel, KernelObserver } from '../kernel.ts';
import type { MmStruct } from '../mm/mm-struct.ts';
import type { Vma } from '../mm/vma.ts';
import type { IntervalNode } from '../notifier/intervals.ts';
import type { NotifierWindow, Subscription } from '../notifier/subscriptions.ts';
import type { PageFiller } from '../page-cache/backing-store.ts';
import type { File } from '../page-cache/file.ts';
import { IntervalOracle } from './interval-oracle.ts';
import { Shadow } from './shadow/shadow.ts';
import { TranslationOracle } from './translation-oracle.ts';

export class Oracles implements KernelObserver {
  readonly shadow: Shadow;
  private kernel: Kernel | undefined;
  private watching: TranslationOracle | undefined;
  private intervals: IntervalOracle | undefined;

  constructor() {
    this.shadow = new Shadow(() => this.kernel as Kernel);
  }

  /** The kernel that they observe is there. */
  observe(kernel: Kernel): TranslationOracle {
    this.kernel = kernel;
    this.watching = new TranslationOracle(kernel, this.shadow);
    this.shadow.devicePtes = this.watching.devicePtes;
    this.intervals = new IntervalOracle(kernel.scheduler);
    return this.watching;
  }

  startReturned(subscription: Subscription, window: NotifierWindow): void {
    this.watching?.startReturned(subscription, window);
  }

  intervalTold(node: IntervalNode, window: NotifierWindow, seq: number): void {
    this.intervals?.told(node, window, seq);
    this.watching?.intervalTold(node, window);
  }

  intervalSeqUsed(node: IntervalNode, by: 'setSeq' | 'readRetry'): void {
    this.intervals?.seqUsed(node, by);
  }

  /** Nobody may join a chain while a window of the mm is open: it would get an end without its start (I10). */
  registered(mm: MmStruct): void {
    if (mm.windows.length === 0) return;
    this.kernel?.scheduler.fail(
      'registration',
      `a subscription joins mm ${mm.id} while ${mm.windows.length} windows are open`,
    );
  }

  contentsChanging(mm: MmStruct, start: number, end: number): void {
    this.shadow.contentsChanging(mm, start, end);
  }

  contentsUnchanged(mm: MmStruct, start: number, end: number): void {
    this.shadow.contentsUnchanged(mm, start, end);
  }

  mapped(mm: MmStruct, start: number, end: number, file: File<Vma> | undefined, pgoff: number, shared: boolean): void {
    this.shadow.mapped(mm, start, end, file, pgoff, shared);
  }

  unmapped(mm: MmStruct, start: number, end: number): void {
    this.shadow.unmapped(mm, start, end);
  }

  discarded(mm: MmStruct, start: number, end: number): void {
    this.shadow.discarded(mm, start, end);
  }

  lazilyFreed(mm: MmStruct, start: number, end: number): void {
    this.shadow.lazilyFreed(mm, start, end);
  }

  moved(mm: MmStruct, from: number, to: number, length: number): void {
    this.shadow.moved(mm, from, to, length);
  }

  copied(mm: MmStruct, va: number, pfn: number): void {
    this.shadow.copied(mm, va, pfn);
  }

  forkBegan(parent: MmStruct, child: MmStruct): void {
    this.shadow.forkBegan(parent, child);
  }

  forked(parent: MmStruct, child: MmStruct, start: number, end: number): void {
    this.shadow.forked(parent, child, start, end);
  }

  forkEnded(parent: MmStruct, child: MmStruct): void {
    this.shadow.forkEnded(parent, child);
  }

  fileCreated(file: File<Vma>, fill: PageFiller | undefined): void {
    this.shadow.fileCreated(file, fill);
  }

  truncating(file: File<Vma>, length: number): void {
    this.shadow.truncating(file, length);
  }

  truncated(file: File<Vma>, length: number): void {
    this.shadow.truncated(file, length);
  }

  punching(file: File<Vma>, first: number, behind: number): void {
    this.shadow.punching(file, first, behind);
  }

  punched(file: File<Vma>, first: number, behind: number): void {
    this.shadow.punched(file, first, behind);
  }

  fileWritten(file: File<Vma>, offset: number, bytes: Uint8Array): void {
    this.shadow.fileWritten(file, offset, bytes);
  }

  pfnInserted(mm: MmStruct, va: number, source: PageSource | undefined): void {
    this.watching?.devicePtes.inserted(mm, va, source);
  }

  mmGone(mm: MmStruct): void {
    this.shadow.mmGone(mm);
    this.watching?.mmGone(mm);
  }
}
