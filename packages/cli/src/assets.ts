/** Files that this package carries beside its code: page templates, a format's description. */
import { readFileSync } from 'node:fs';

/** @param path - Inside `assets/`. */
export function readAsset(path: string): string {
  return readFileSync(new URL(`../assets/${path}`, import.meta.url), 'utf8');
}
