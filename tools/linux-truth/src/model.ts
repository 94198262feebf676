/** The model's side: `mmu-notifier run`, in one process for all scripts. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { whyNoRunner } from './compile.ts';
import { linux } from './linux.ts';
import type { Run, Side } from './run-command.ts';

const SERVER = fileURLToPath(new URL('../model-server.mjs', import.meta.url));

/** No script takes the model nearly as long. */
const TIMEOUT_MS = 120_000;

interface Answer extends Run {
  readonly id: number;
}

/**
 * Read on its own, page 2 has an anon_vma on some kernels and none on others: with none it merges with what comes between
 * it and page 0.
 */
const READ_ALONE = `p1 mmap 0x100000000 4K rw private,anonymous,fixed
p1 mmap 0x100002000 4K rw private,anonymous,fixed
p1 store 0x100000000 aa
p1 load 0x100002000 1
p1 mmap 0x100001000 4K rw private,anonymous,fixed
p1 maps
`;

/** How the model has to be for this kernel, where kernels of one version differ. */
async function switchesOfThisKernel(): Promise<readonly string[]> {
  if (whyNoRunner() !== undefined) return [];
  const { lines } = await linux()(READ_ALONE);
  const { result } = JSON.parse(lines[lines.length - 1] ?? '{}') as { result?: readonly unknown[] };
  return result?.length === 1 ? ['--kconfig', 'ANON_VMA_ON_READ=n'] : [];
}

/** One server, started with the first script and again after one that ended it. */
class ModelServer {
  private child: ChildProcess | undefined;
  private readonly waiting = new Map<number, (run: Run) => void>();
  private count = 0;

  run(script: string, switches: readonly string[]): Promise<Run> {
    const id = ++this.count;
    const child = this.child ?? this.start();
    return new Promise((resolve) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
      this.waiting.set(id, (run) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        if (this.waiting.size === 0) child.channel?.unref();
        resolve(run);
      });
      child.channel?.ref();
      child.send({ id, script, switches });
    });
  }

  private start(): ChildProcess {
    const execArgv = ['--conditions=@mmu-notifier/source'];
    const child = fork(SERVER, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child = child;
    // It lives on between scripts, and keeps nobody from ending.
    child.unref();
    child.on('message', (answer: Answer) => this.waiting.get(answer.id)?.(answer));
    child.on('exit', (status, signal) => {
      this.child = undefined;
      const run: Run = { lines: [], status, stderr: `the model ended with ${signal ?? `status ${status}`}` };
      for (const answer of [...this.waiting.values()]) answer(run);
    });
    return child;
  }
}

const server = new ModelServer();
let switches: Promise<readonly string[]> | undefined;

export const model: Side = async (script) => server.run(script, await (switches ??= switchesOfThisKernel()));
