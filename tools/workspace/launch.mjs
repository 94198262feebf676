#!/usr/bin/env node
// Commands for a machine that has nothing but Node and npm:
//
//     npm test  [-- OPTIONS OF nx run-many]          everything that is needed, then all tests
//     npm start [-- OPTIONS OF mmu-notifier replay]  everything that is needed, then the bundled recording
//     npm run bench [-- --quick --json]              everything that is needed, then the benchmark
//
// Set up means: install what package-lock.json says if that is not what is installed, and build what has changed.
// Plain Node, no dependencies: this file runs before there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const REPLAY = 'replay packages/trace/recordings/redis/lackey.txt.xz --attach kvm,gru,xpmem --ram 25% --progress'.split(
  ' ',
);

const [command, ...args] = process.argv.slice(2);
checkNode();
if (command === 'test') {
  setUp(['run-many', '-t', 'build']);
  // Machines outlive no test run: no daemon, and nothing that redraws the screen.
  exitWith(nx(['run-many', '-t', 'test', ...args], 'inherit'));
} else if (command === 'start') {
  setUp(['run', '@mmu-notifier/cli:build']);
  exitWith(run(process.execPath, ['packages/cli/dist/main.js', ...REPLAY, ...args], 'inherit'));
} else if (command === 'bench') {
  // What is measured is what is published: the build.
  setUp(['run-many', '-t', 'build']);
  exitWith(
    run(process.execPath, ['--expose-gc', '--import', 'tsx', 'packages/core/bench/main.ts', ...args], 'inherit'),
  );
} else {
  fail(`found ${command ?? 'no command'}, expected test, start or bench`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`found Node ${process.versions.node}, expected 20.19.0 or later`);
  }
}

function setUp(build) {
  if (!isInstalled()) {
    say('installing dependencies (npm ci), once ...');
    // No dependency needs its install script.
    need(run(npmCommand(), ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], 'stderr'), 'npm ci');
  }
  say('building what has changed ...');
  need(nx(build, 'stderr'), 'the build');
}

/** Whether node_modules holds what the lock file says; npm keeps a copy there of what it has installed. */
function isInstalled() {
  const copy = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(copy)) return false;
  const installed = JSON.parse(readFileSync(copy, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '') return true;
    const found = installed[path];
    // Binaries for other machines are locked and not installed.
    if (found === undefined) return optional === true || devOptional === true;
    return found.version === version && found.integrity === integrity;
  });
}

function nx(nxArgs, output) {
  return run(process.execPath, [join(ROOT, 'node_modules/nx/dist/bin/nx.js'), ...nxArgs], output);
}

/** Runs a program to its end. Where standard output belongs to the command, set-up writes to standard error. */
function run(program, programArgs, output) {
  const out = output === 'stderr' ? 2 : 'inherit';
  const env = {
    NX_DAEMON: 'false',
    ...process.env,
    PATH: `${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
  };
  return spawnSync(program, programArgs, {
    cwd: ROOT,
    env,
    stdio: ['inherit', out, 'inherit'],
    shell: program.endsWith('.cmd'),
  });
}

function npmCommand() {
  return process.platform === 'win32' ? 'npm.cmd' : 'npm';
}

function need(result, what) {
  if (result.error !== undefined) fail(`${what}: ${result.error.message}`);
  if (result.status !== 0) fail(`${what} failed, see above`);
}

function exitWith(result) {
  if (result.error !== undefined) fail(result.error.message);
  process.exitCode = result.status ?? 1;
}

function say(text) {
  process.stderr.write(`mmu-notifier: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
