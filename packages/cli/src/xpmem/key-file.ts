/** The key that both ends share. Beside a Unix socket stands its own, which only its owner may read. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAddress } from '@mmu-notifier/links';
import { InputError } from '../errors.ts';

const LEAST = 16;

/** @throws InputError for an address that is none. */
function keyPath(endpoint: string, given: string | undefined): string {
  try {
    const address = parseAddress(endpoint);
    if (given !== undefined) return given;
    if (address.kind === 'unix') return `${address.path}.key`;
  } catch (error) {
    throw new InputError(`${endpoint}: ${(error as Error).message}`);
  }
  throw new InputError(
    `--key: found none for ${endpoint}, expected a file that both ends have (head -c 32 /dev/urandom > links.key)`,
  );
}

/** For who listens: makes the file where there is none. */
export function ownKey(endpoint: string, given: string | undefined): Buffer {
  const path = keyPath(endpoint, given);
  if (given === undefined) {
    try {
      writeFileSync(path, randomBytes(32), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new InputError(`${path}: the key cannot be written (${message})`);
    }
  }
  return readKey(path);
}

/** For who connects. */
export function theirKey(endpoint: string, given: string | undefined): Buffer {
  return readKey(keyPath(endpoint, given));
}

function readKey(path: string): Buffer {
  let key: Buffer;
  try {
    key = readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'no such file' : `that it cannot be read (${message})`;
    throw new InputError(`${path}: found ${found}, expected the key that both ends share`);
  }
  if (key.length < LEAST)
    throw new InputError(`${path}: found ${key.length} bytes, expected a key of ${LEAST} or more`);
  return key;
}
