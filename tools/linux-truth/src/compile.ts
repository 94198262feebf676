/** Compiles the runner once, and says why it cannot run here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const SOURCES = join(PACKAGE, 'runner');
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-no-pie'];

/** Why no script can run for real here; `undefined` when they can. */
export function whyNoRunner(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `needs Linux on x86-64, found ${process.platform} on ${process.arch}`;
  if (spawnSync(compiler(), ['--version']).status !== 0) return `no C compiler (${compiler()}, or set CC)`;
  return undefined;
}

/** Why no script with a device can run for real here. */
export function whyNoDevice(): string | undefined {
  const why = whyNoRunner();
  if (why !== undefined) return why;
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return existsSync('/dev/kvm') ? '/dev/kvm may not be opened' : 'no /dev/kvm';
  }
}

/**
 * The compiled runner; the same sources are compiled only once.
 *
 * It is linked statically where that is possible, so that little of its own lies between the mappings that the kernel
 * places.
 */
export function compileRunner(): string {
  const files = readdirSync(SOURCES).sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(SOURCES, file)));
  const folder = join(PACKAGE, 'temp', hash.digest('hex').slice(0, 16));
  const runner = join(folder, 'linux-truth');
  if (existsSync(runner)) return runner;
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `unfinished-${process.pid}`);
  const sources = files.filter((file) => file.endsWith('.c')).map((file) => join(SOURCES, file));
  const linked = spawnSync(compiler(), [...FLAGS, '-static', '-o', unfinished, ...sources]).status === 0;
  if (!linked) execFileSync(compiler(), [...FLAGS, '-o', unfinished, ...sources], { stdio: 'inherit' });
  renameSync(unfinished, runner);
  return runner;
}

function compiler(): string {
  return process.env['CC'] ?? 'cc';
}
