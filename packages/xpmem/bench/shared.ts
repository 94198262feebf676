/** What both processes of the benchmark have. */
import type { LiveClock } from '@mmu-notifier/core';
import type { PluginHost, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';

export const KEY = 'a key for a benchmark on loopback';
export const PAGE = 4096;

export const liveClock: LiveClock = {
  now: () => performance.now() * 1e6,
  alarm(nanoseconds, ring) {
    const timer = setTimeout(ring, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
  turn: () => new Promise((resolve) => setImmediate(resolve)),
};

/** A plugin whose host is shown. */
export function withHost(plugin: SecondaryMmuPlugin): { plugin: SecondaryMmuPlugin; host: () => PluginHost } {
  let given: PluginHost | undefined;
  const shown: SecondaryMmuPlugin = {
    ...plugin,
    attach(host) {
      given = host;
      return plugin.attach(host);
    },
  };
  return { plugin: shown, host: () => given as PluginHost };
}
