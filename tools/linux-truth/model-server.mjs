// The model as a server: scripts come as messages, what `mmu-notifier run` prints goes back. Runs from the sources as they
// stand; started by src/model.ts, ends with whoever started it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

if (!process.features.typescript) (await import('tsx/esm/api')).register();
const { main } = await import(new URL('../../packages/cli/src/program.ts', import.meta.url).href);

const folder = mkdtempSync(join(tmpdir(), 'linux-truth-model-'));
const file = join(folder, 'script.mm');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('disconnect', () => process.exit(0));

let last = Promise.resolve();
process.on('message', ({ id, script, switches }) => {
  last = last.then(async () => process.send({ id, ...(await run(script, switches)) }));
});

/** Without swap, as the kernel that it is compared with: what is paged out then stays. */
async function run(script, switches) {
  let [out, stderr] = ['', ''];
  writeFileSync(file, script);
  const io = {
    out: (text) => void (out += text),
    err: (text) => void (stderr += text),
    errIsTerminal: false,
    columns: undefined,
  };
  const status = await main(['run', file, '--swap', '0', ...switches], io);
  return { lines: out.split('\n').filter((line) => line !== ''), status, stderr };
}
