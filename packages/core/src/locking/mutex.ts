/** A lock under which its holder may sleep. `acquire` may sleep too. Mirrors `kernel/locking/mutex.c`. */
import { ExclusiveLock } from './exclusive-lock.ts';

export class Mutex extends ExclusiveLock {
  protected override mayAcquire(): void {
    this.scheduler.mightSleep(this.name);
  }

  protected override enter(): void {}

  protected override leave(): void {}
}
