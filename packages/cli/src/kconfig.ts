/** `--kconfig MMU_NOTIFIER_SLEEPABLE=n,SWAP=n`: switches of the kernel, as its configuration file writes them. */
import type { Kconfig } from '@mmu-notifier/core';
import { InputError } from './errors.ts';

const SWITCH = /^(?:CONFIG_)?([A-Z0-9_]+)=([yn])$/;

/** What `--help` says about the option. */
export const KCONFIG_HELP = 'switches of the kernel, e.g. MMU_NOTIFIER_SLEEPABLE=n for the world of 2008';

/** Which switches there are, and what depends on what, is for the machine to say. */
export function parseKconfig(text: string | undefined): Partial<Kconfig> {
  const chosen: Record<string, boolean> = {};
  for (const word of text?.split(',') ?? []) {
    const [, name, value] = SWITCH.exec(word.trim()) ?? [];
    if (name === undefined)
      throw new InputError(`--kconfig: found "${word}", expected a switch such as MMU_NOTIFIER_SLEEPABLE=n`);
    if (chosen[name] !== undefined) throw new InputError(`--kconfig: found ${name} twice, expected each switch once`);
    chosen[name] = value === 'y';
  }
  return chosen as Partial<Kconfig>;
}
