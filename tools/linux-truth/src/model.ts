/** The model's side: `mmu-notifier run -`. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Side, runCommand } from './run-command.ts';

const BIN = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

/** Why the model cannot run here. */
export function whyNoModel(): string | undefined {
  return existsSync(BIN) ? undefined : 'no packages/cli/dist/main.js: build the packages first';
}

/** One process per script. */
export const model: Side = (script) => runCommand(process.execPath, [BIN, 'run', '-'], script);
