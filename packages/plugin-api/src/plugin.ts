/**
 * What a plugin is: a factory in the style of Vite and Rollup returns a descriptor, `attach` turns it into a device on
 * one machine. The brand is a registered symbol, so that it survives two copies or versions of this package.
 */
import type { Device } from './device.ts';
import type { PluginHost } from './host.ts';
import type { MmuNotifierOps } from './notifier.ts';
import type { Routine } from './routine.ts';
import type { PageSize } from './units.ts';

/** Marks a descriptor as a plugin of major version 1. @public */
export const PLUGIN_BRAND: unique symbol = Symbol.for('@mmu-notifier/plugin-api/plugin/v1') as never;

/** Services that not every machine offers. @public */
export type Capability =
  'interval-notifiers' | 'device-vmas' | 'links' | 'range-faults' | 'interrupts' | 'dma' | 'device-memory';

/** Declared once, proven both ways by the conformance suite. @public */
export interface PluginTraits {
  /** Who holds the translations: own tables, a TLB only, ptes of another process, the CPU's tables themselves. */
  readonly kind: 'sptes' | 'tlb-only' | 'foreign-ptes' | 'shared-tables';
  readonly registration: 'mm' | 'mm-shared' | 'interval';
  /** Implemented callbacks, and whether each may sleep. */
  readonly callbacks: Partial<Record<keyof MmuNotifierOps, 'atomic' | 'sleepable'>>;
  /** What start does where it may not block. */
  readonly nonBlockable: 'proceeds' | 'try-lock' | 'refuses';
  readonly pins: 'none' | 'until-invalidate' | 'longterm';
  /** When translations go: at start, at end, or with the CPU's TLB flush. */
  readonly invalidateAt: 'start' | 'end' | 'tlb-flush';
  readonly faultMode: 'as-asked' | 'write-if-writable' | 'always-write';
  readonly dirty: 'per-spte' | 'at-map' | 'shared';
  readonly pageSizes: readonly PageSize[];
  /** Address spaces that one device serves. */
  readonly addressSpaces: 'one' | 'several';
}

/** A driver, before it is attached. @public */
export interface SecondaryMmuPlugin {
  readonly [PLUGIN_BRAND]: true;
  /** `kvm` */
  readonly name: string;
  /** Semver range of plugin-api, e.g. `^1.0.0`. */
  readonly api: string;
  readonly traits: PluginTraits;
  /** Capabilities without which it cannot work; it is refused where one is missing. */
  readonly requires?: readonly Capability[];
  /** Makes one device; it may outlive processes and serve several. */
  attach(host: PluginHost): Routine<Device>;
}

/** Whether `value` is a plugin of this major version, whatever copy of this package made it. @public */
export function isPlugin(value: unknown): value is SecondaryMmuPlugin {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[PLUGIN_BRAND] === true;
}

/** Brands a descriptor. @public */
export function definePlugin(plugin: Omit<SecondaryMmuPlugin, typeof PLUGIN_BRAND>): SecondaryMmuPlugin {
  return { ...plugin, [PLUGIN_BRAND]: true };
}
