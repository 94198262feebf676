/**
 * From when the recorded kernel's KVM watched an address space. The recordings preload an object that opens `/dev/kvm`
 * before `main` in every image, and again in every fork child; the page fault that brings its code in is that moment. Where
 * a recording has no such object, everything is watched from the start.
 */
import { type MmEvent, processNumber } from '@mmu-notifier/trace';

const WATCHER = /(^|\/)kvmattach\.so$/;

interface Watch {
  /** The watcher's code. */
  start: number;
  end: number;
  on: boolean;
}

export class WatchedSpaces {
  /** Whether any image has a watcher. */
  found = false;
  private readonly spaces = new Map<number, Watch>();

  /** Whether the address space that `process` owns is watched now. */
  on(process: number): boolean {
    return this.spaces.get(process)?.on === true;
  }

  /** An access has been made that faulted when it was recorded. */
  fetched(process: number, address: number): void {
    const watch = this.spaces.get(process);
    if (watch !== undefined && address >= watch.start && address < watch.end) watch.on = true;
  }

  /** A call has been made. */
  follow(event: MmEvent): void {
    if (event.actor.kind !== 'process') return;
    const process = processNumber(event.actor.name) ?? 0;
    if (event.verb === 'exec' || event.verb === 'exit') this.spaces.delete(process);
    else if (event.verb === 'fork') {
      const watch = this.spaces.get(process);
      if (watch !== undefined) this.spaces.set(processNumber(event.binding ?? '') ?? 0, { ...watch, on: false });
    } else if (event.verb === 'mmap' && event.protection.includes('x') && WATCHER.test(event.file ?? '')) {
      const start = event.recorded?.kind === 'number' ? event.recorded.value : 0;
      this.spaces.set(process, { start, end: start + event.length, on: false });
      this.found = true;
    }
  }
}
