/** The time and the event loop of this process, for a live machine. */
import type { LiveClock } from '@mmu-notifier/core';

export const liveClock: LiveClock = {
  now: () => performance.now() * 1e6,
  alarm(nanoseconds, ring) {
    const timer = setTimeout(ring, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};
