/** A file that another command has written as JSON. */
import { readFileSync } from 'node:fs';
import { InputError } from '../errors.ts';

/** @param option - The option that names the file. @throws InputError where there is none. */
export function readJson(file: string, option: string, expected: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'no such file' : `no JSON (${message})`;
    throw new InputError(`${option}: ${file}: found ${found}, expected ${expected}`);
  }
}
