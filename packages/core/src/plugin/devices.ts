/** The devices of a machine: attached by name, each with a host and a ledger of its own. */
import { API_VERSION, checkApiRange, isPlugin } from '@mmu-notifier/plugin-api';
import type { Device, Routine, SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { UsageError } from '../contract.ts';
import type { Cpus } from '../cpu/access.ts';
import type { Kernel } from '../kernel.ts';
import { DeviceLinks } from '../links/link-backend.ts';
import type { TranslationOracle } from '../oracle/translation-oracle.ts';
import { DeviceStats } from './device-stats.ts';
import { DeviceVmas } from './device-vma-service.ts';
import { type DeviceEventListener, createHost } from './host.ts';
import { Ledger } from './ledger.ts';

/** One attached device. */
export interface AttachedDevice {
  readonly name: string;
  readonly device: Device;
  readonly ledger: Ledger;
  readonly vmas: DeviceVmas;
  readonly stats: DeviceStats;
  readonly links: DeviceLinks;
}

export class Devices {
  readonly byName: Map<string, AttachedDevice> = new Map();
  private readonly kernel: Kernel;
  private readonly cpus: Cpus;
  private readonly oracle: TranslationOracle | undefined;
  private readonly listener: DeviceEventListener | undefined;

  constructor(
    kernel: Kernel,
    cpus: Cpus,
    oracle: TranslationOracle | undefined,
    listener: DeviceEventListener | undefined,
  ) {
    this.kernel = kernel;
    this.cpus = cpus;
    this.oracle = oracle;
    this.listener = listener;
  }

  /**
   * Makes a device.
   *
   * @throws UsageError when the plugin is none, was built for another version of the contract, or needs what this machine
   *   does not have: a capability, or the chain itself.
   * @sleeps May.
   */
  *attach(name: string, plugin: SecondaryMmuPlugin): Routine<Device> {
    if (!isPlugin(plugin)) throw new UsageError('no-plugin', `${name}: found an object without the brand of a plugin`);
    const mismatch = checkApiRange(plugin.api, API_VERSION);
    if (mismatch !== undefined) throw new UsageError('api-mismatch', `${plugin.name}: ${mismatch.message}`);
    if (!this.kernel.kconfig.MMU_NOTIFIER) {
      throw new UsageError(
        'kconfig',
        `${plugin.name} needs MMU_NOTIFIER=y, this machine was booted with MMU_NOTIFIER=n`,
      );
    }
    if (this.byName.has(name)) throw new UsageError('device-exists', `there is a device ${name} already`);
    if (typeof plugin.traits !== 'object' || plugin.traits === null) {
      throw new UsageError('no-traits', `${plugin.name}: found no traits, expected what kind of secondary MMU it is`);
    }
    this.checkWorld(plugin);
    const ledger = new Ledger(this.kernel, name, COHERENCE[plugin.traits.pins] ?? 'notified', this.oracle);
    const stats = new DeviceStats();
    const links = new DeviceLinks(this.kernel.links, name);
    const vmas = new DeviceVmas(this.kernel, ledger);
    const host = createHost(this.kernel, this.cpus, name, ledger, vmas, stats, links, this.listener);
    const missing = plugin.requires?.find((capability) => !host.capabilities.has(capability));
    if (missing !== undefined) {
      throw new UsageError('missing-capability', `${plugin.name} needs ${missing}, which this machine does not have`);
    }
    const device = yield* plugin.attach(host);
    checkDevice(plugin.name, device);
    this.byName.set(name, { name, device, ledger, vmas, stats, links });
    return device;
  }

  /** @throws UsageError when a callback sleeps and no callback of this machine may. */
  private checkWorld({ name, traits }: SecondaryMmuPlugin): void {
    if (this.kernel.kconfig.MMU_NOTIFIER_SLEEPABLE) return;
    const sleeping = Object.entries(traits.callbacks ?? {}).find(([, kind]) => kind === 'sleepable');
    if (sleeping === undefined) return;
    throw new UsageError(
      'sleeping-callback',
      `${name} has a callback ${sleeping[0]} that sleeps, expected none with MMU_NOTIFIER_SLEEPABLE=n, where callbacks run under RCU`,
    );
  }

  /** @sleeps May. */
  *detach(name: string): Routine<void> {
    const attached = this.byName.get(name);
    if (attached === undefined) throw new UsageError('no-device', `there is no device ${name}`);
    yield* attached.device.detach();
    attached.links.closeAll();
    this.byName.delete(name);
    if (attached.ledger.counts.live > 0) {
      this.kernel.scheduler.fail(
        'leaked-translation',
        `${name} is detached with ${attached.ledger.counts.live} translations`,
      );
    }
    attached.vmas.detached();
    this.oracle?.forget(attached.ledger);
  }
}

/** What its ledger answers for, see `docs/oracles.md`. */
const COHERENCE = { none: 'notified', 'until-invalidate': 'until-end', longterm: 'pinned' } as const;
const DEVICE_METHODS = ['open', 'access', 'close', 'detach', 'translations'] as const;

/** @throws UsageError when what `attach` made is no device. */
function checkDevice(plugin: string, device: Partial<Device> | undefined): void {
  const missing = DEVICE_METHODS.find((method) => typeof device?.[method] !== 'function');
  if (missing === undefined) return;
  throw new UsageError('no-device', `${plugin}: attach made an object without "${missing}", expected a device`);
}
