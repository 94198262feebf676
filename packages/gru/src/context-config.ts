/** What a user wrote for one context, checked. */
import type { Errno } from '@mmu-notifier/plugin-api';
import type { GruShared } from './driver/shared.ts';
import { checkContextOptions } from './options.ts';
import type { ContextConfig, GruContextOptions } from './options.ts';

/** @returns `base` with what `options` changes. Errors: `EINVAL`. */
export function contextConfig({ config }: GruShared, options: unknown, base: ContextConfig): ContextConfig | Errno {
  if (options === undefined || options === null) return base;
  if (typeof options !== 'object') return 'EINVAL';
  try {
    return checkContextOptions(options as GruContextOptions, base, config.blades);
  } catch (error) {
    if (error instanceof RangeError) return 'EINVAL';
    throw error;
  }
}
