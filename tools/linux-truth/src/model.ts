/** The model's side: `mmu-notifier run`, in one process for all scripts. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Run, Side } from './run-command.ts';

const SERVER = fileURLToPath(new URL('../model-server.mjs', import.meta.url));

/** No script takes the model nearly as long. */
const TIMEOUT_MS = 120_000;

interface Answer extends Run {
  readonly id: number;
}

/** One server, started with the first script and again after one that ended it. */
class ModelServer {
  private child: ChildProcess | undefined;
  private readonly waiting = new Map<number, (run: Run) => void>();
  private count = 0;

  run(script: string): Promise<Run> {
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
      child.send({ id, script });
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

export const model: Side = (script) => server.run(script);
