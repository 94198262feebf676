/** A script and the drivers that it attaches, from files. */
import { readFile, stat } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Script } from '@mmu-notifier/trace';
import { InputError } from '../errors.ts';
import { type LoadedPlugin, loadPlugin } from '../plugins.ts';

/** A script is read whole; one that is larger than this is a recording. */
const MAX_SCRIPT_BYTES = 64 * 2 ** 20;

/** @param path - A file, or `-`. @throws InputError where there is no script. */
export async function readScript(path: string): Promise<string> {
  if (path === '-') return await readAll(process.stdin);
  try {
    const status = await stat(path);
    if (status.isDirectory()) throw new InputError(`${path}: found a directory, expected a script`);
    if (status.size > MAX_SCRIPT_BYTES) {
      throw new InputError(
        `${path}: found ${status.size} bytes, expected a script of at most ${MAX_SCRIPT_BYTES}; replay streams recordings`,
      );
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ENOENT' ? 'no such file' : `that it cannot be read (${message})`;
    throw new InputError(`${path}: found ${found}, expected a script`);
  }
}

/** Every driver that the script attaches, found before anything runs. */
export async function loadPlugins(script: Script, file: string, drivers: string[]): Promise<Map<string, LoadedPlugin>> {
  const plugins = new Map<string, LoadedPlugin>();
  for (const event of script.events) {
    if (event.verb !== 'attach') continue;
    try {
      const plugin = plugins.get(event.plugin) ?? (await loadPlugin(event.plugin));
      plugins.set(event.plugin, plugin);
      if (plugin.file !== undefined) drivers.push(plugin.file);
      plugin.create(event.options);
    } catch (error) {
      throw error instanceof InputError ? new InputError(`${file}:${event.line}: ${error.message}`) : error;
    }
  }
  return plugins;
}
