/**
 * Finds the driver that a user named. A name such as `kvm` is the package `@mmu-notifier/kvm`, whose export is named like
 * the driver; `./my-driver.ts` is a file with a default export or one named `plugin`. Either export is a factory (called
 * with the options) or the descriptor itself.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkApiRange, isPlugin, type SecondaryMmuPlugin } from '@mmu-notifier/plugin-api';
import { createJiti } from 'jiti';
import { InputError } from './errors.ts';

type Exports = Readonly<Record<string, unknown>>;

/** A driver that was found; `create` makes one descriptor. */
export interface LoadedPlugin {
  /** As the user wrote it. */
  readonly spec: string;
  /** The file, for drivers that were named by path. */
  readonly file?: string;
  /** @throws InputError when what it makes is no plugin, or one for another version of the contract. */
  create(options?: unknown): SecondaryMmuPlugin;
}

/** Loads the module of a driver. @throws InputError when there is none. */
export async function loadPlugin(spec: string, cwd: string = process.cwd()): Promise<LoadedPlugin> {
  if (spec === '') throw new InputError('found an empty driver name, expected one such as kvm or ./my-driver.ts');
  return isPath(spec) ? loadFile(spec, resolve(cwd, spec)) : loadPackage(spec, cwd);
}

function isPath(spec: string): boolean {
  return spec.startsWith('.') || isAbsolute(spec) || /\.[cm]?[jt]s$/.test(spec);
}

async function loadFile(spec: string, file: string): Promise<LoadedPlugin> {
  if (!existsSync(file))
    throw new InputError(`driver ${spec}: found no such file, expected a module that exports a plugin`);
  if (!statSync(file).isFile())
    throw new InputError(`driver ${spec}: found a directory, expected a module that exports a plugin`);
  let exports: Exports;
  try {
    exports = await createJiti(pathToFileURL(file).href, { interopDefault: false }).import<Exports>(file);
  } catch (error) {
    throw new InputError(`driver ${spec}: the module cannot be loaded: ${reasonOf(error)}`);
  }
  const exported = pick(exports, ['default', 'plugin']);
  if (exported === undefined) {
    const names = Object.keys(exports).join(', ') || 'no export';
    const found = 'default' in exports ? `a default export that is ${describe(exports['default'])}` : names;
    throw new InputError(
      `driver ${spec}: found ${found}, expected a plugin or a function that returns one, as default export or named "plugin"`,
    );
  }
  return { spec, file, create: (options) => make(spec, exported, options) };
}

async function loadPackage(name: string, cwd: string): Promise<LoadedPlugin> {
  if (!/^(@[a-z0-9._-]+\/)?[a-z0-9][a-z0-9._-]*$/.test(name)) {
    throw new InputError(`driver ${name}: expected a name such as kvm, or a path such as ./my-driver.ts`);
  }
  const packageName = name.startsWith('@') ? name : `@mmu-notifier/${name}`;
  const exports = await importPackage(packageName, cwd);
  if (exports === undefined) {
    throw new InputError(
      `unknown driver "${name}": there is no package ${packageName}; install it, or give a path such as ./${name}.ts`,
    );
  }
  const shortName = packageName.slice(packageName.indexOf('/') + 1);
  const exported = pick(exports, [camelCase(shortName), 'default', 'plugin']);
  if (exported === undefined) {
    throw new InputError(
      `driver ${name}: the package ${packageName} exports no plugin named "${camelCase(shortName)}"`,
    );
  }
  return { spec: name, create: (options) => make(name, exported, options) };
}

/** From where this program is installed, else from the user's project. */
async function importPackage(packageName: string, cwd: string): Promise<Exports | undefined> {
  try {
    return (await import(packageName)) as Exports;
  } catch (error) {
    if (!isMissing(error, packageName))
      throw new InputError(`package ${packageName} cannot be loaded: ${reasonOf(error)}`);
  }
  try {
    const path = createRequire(join(cwd, 'index.js')).resolve(packageName);
    return await createJiti(pathToFileURL(path).href).import<Exports>(path);
  } catch (error) {
    if (isMissing(error, packageName)) return undefined;
    throw new InputError(`package ${packageName} cannot be loaded: ${reasonOf(error)}`);
  }
}

function isMissing(error: unknown, packageName: string): boolean {
  const { code, message } = error as { code?: string; message?: string };
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return missing && message !== undefined && message.includes(packageName);
}

/** A CommonJS module that was compiled from ES modules has its exports one level deeper. */
function pick(exports: Exports, names: readonly string[]): unknown {
  const inner = exports['default'];
  const levels =
    typeof inner === 'object' && inner !== null && !isPlugin(inner) ? [exports, inner as Exports] : [exports];
  for (const level of levels) {
    for (const name of names) {
      const value = level[name];
      if (typeof value === 'function' || isPlugin(value)) return value;
    }
  }
  return undefined;
}

function make(spec: string, exported: unknown, options: unknown): SecondaryMmuPlugin {
  let plugin: unknown = exported;
  if (typeof exported === 'function') {
    try {
      plugin = (exported as (options?: unknown) => unknown)(options);
    } catch (error) {
      throw new InputError(`driver ${spec}: ${reasonOf(error)}`);
    }
  }
  if (!isPlugin(plugin)) {
    throw new InputError(`driver ${spec}: found ${describe(plugin)}, expected a plugin made with definePlugin`);
  }
  const mismatch = checkApiRange(plugin.api);
  if (mismatch !== undefined) throw new InputError(`driver ${spec}: ${mismatch.message}`);
  return plugin;
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof Promise) return 'a promise';
  return 'an object without the brand of a plugin';
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function reasonOf(error: unknown): string {
  // Not `instanceof`: a module may have been evaluated in a context with an Error of its own.
  const message = (error as { readonly message?: unknown } | null | undefined)?.message;
  const text = typeof message === 'string' ? message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
