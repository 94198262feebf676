/** A module whose default export is a program: tasks, machines and oracles of its own. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as checker from '@mmu-notifier/checker';
import * as core from '@mmu-notifier/core';
import * as api from '@mmu-notifier/plugin-api';
import { createJiti } from 'jiti';
import { InputError } from '../errors.ts';

/**
 * Packages that a scenario gets as they are here, wherever it lies: a violation that another copy of core throws would be
 * none.
 */
const HERE = { '@mmu-notifier/checker': checker, '@mmu-notifier/core': core, '@mmu-notifier/plugin-api': api };

/** @param code - Gets the file. @throws InputError where it is no module with a program. */
export async function loadScenario(path: string, code: string[]): Promise<checker.Program> {
  const file = resolve(path);
  if (!existsSync(file)) throw new InputError(`${path}: found no such file, expected a module that exports a program`);
  let exports: { readonly default?: unknown };
  try {
    const jiti = createJiti(pathToFileURL(file).href, { interopDefault: false, virtualModules: HERE });
    exports = await jiti.import(file);
  } catch (error) {
    throw new InputError(`${path}: the module cannot be loaded: ${firstLine(error)}`);
  }
  code.push(file);
  const program = exports.default;
  if (!isProgram(program)) {
    const found = program === undefined ? 'no default export' : 'a default export without run';
    throw new InputError(`${path}: found ${found}, expected a program: { run(strategy, { explore, tell }) }`);
  }
  // The name of the file is what a schedule is replayed with.
  return { ...program, name: path, run: (strategy, around) => checkedEnd(path, program.run(strategy, around)) };
}

function checkedEnd(path: string, end: unknown): checker.RunEnd {
  const { outcome } = (end ?? {}) as Partial<checker.RunEnd>;
  if (typeof outcome === 'string') return end as checker.RunEnd;
  throw new InputError(
    `${path}: found a run that ended without outcome, expected { outcome: "what can be seen at its end" }`,
  );
}

function isProgram(value: unknown): value is checker.Program {
  return typeof (value as Partial<checker.Program> | null | undefined)?.run === 'function';
}

function firstLine(error: unknown): string {
  return String((error as { readonly message?: unknown } | null)?.message ?? error).split('\n', 1)[0] as string;
}
