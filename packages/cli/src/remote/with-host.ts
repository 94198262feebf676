/** A plugin whose host can be used by others too, once it is attached. */
import type { PluginHost, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';

export interface WithHost {
  readonly plugin: SecondaryMmuPlugin;
  /** @throws Where it is not attached. */
  host(): PluginHost;
}

/** @param change - What the plugin is handed in place of the host. */
export function withHost(
  plugin: SecondaryMmuPlugin,
  change: (host: PluginHost) => PluginHost = (host) => host,
): WithHost {
  let given: PluginHost | undefined;
  return {
    plugin: {
      ...plugin,
      attach(host) {
        given = host;
        return plugin.attach(change(host));
      },
    },
    host() {
      if (given === undefined) throw new Error(`${plugin.name} is not attached`);
      return given;
    },
  };
}
