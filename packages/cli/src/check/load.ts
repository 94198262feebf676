/** What `check` explores: a script with tasks, or a module for what a script cannot say. */
import type { Program } from '@mmu-notifier/checker';
import { loadLitmus } from './litmus.ts';
import { loadScenario } from './scenario.ts';

/** @param code - Gets the files whose errors are their author's. @throws InputError for a file that is neither. */
export async function loadProgram(path: string, code: string[]): Promise<Program> {
  return isModule(path) ? await loadScenario(path, code) : await loadLitmus(path, code);
}

export function isModule(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}
