#!/usr/bin/env node
/** The command `mmu-notifier`. */
import { processIo } from './output.ts';
import { main } from './program.ts';

void main(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
