#!/usr/bin/env node
// Runs src/cli.ts as it stands: Node 22.18 and later read TypeScript, Node 20 needs tsx for it.
if (!process.features.typescript) (await import('tsx/esm/api')).register();
const { main } = await import('./src/cli.ts');
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`linux-truth: ${error.message}\n`);
  process.exitCode = 3;
}
