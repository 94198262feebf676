/** Keeps a difference that was found as a script under test. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const SCRIPTS: string = fileURLToPath(new URL('../scripts', import.meta.url));

/** Every script of `scripts/`, by name. */
export function savedScripts(): { readonly name: string; readonly script: string }[] {
  const names = readdirSync(SCRIPTS).filter((name) => name.endsWith('.mm'));
  return names.sort().map((name) => ({ name, script: readFileSync(join(SCRIPTS, name), 'utf8') }));
}

/** The script comes first and the remark last: the bytes of a `store` depend on its line. */
export function saveScript(script: string, remark: string): string {
  const name = `found-${createHash('sha256').update(script).digest('hex').slice(0, 8)}.mm`;
  const file = join(SCRIPTS, name);
  writeFileSync(file, `${script}${remark.replace(/^/gm, '# ')}\n`);
  return file;
}
