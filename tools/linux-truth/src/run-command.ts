/** Gives a script to a command on its standard input and collects what it prints. */
import { spawn } from 'node:child_process';

/** One side's run of a script. */
export interface Run {
  /** Lines of standard output: one JSON object each. */
  readonly lines: readonly string[];
  readonly status: number | null;
  readonly stderr: string;
}

/** One side: what runs a script. */
export type Side = (script: string) => Promise<Run>;

/** The runners end by themselves long before this. */
const TIMEOUT_MS = 60_000;

export function runCommand(command: string, args: readonly string[], input: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => stdout.push(data));
    child.stderr.on('data', (data: Buffer) => stderr.push(data));
    child.on('error', reject);
    child.on('close', (status) => {
      const lines = Buffer.concat(stdout)
        .toString()
        .split('\n')
        .filter((line) => line !== '');
      resolve({ lines, status, stderr: Buffer.concat(stderr).toString() });
    });
    child.stdin.on('error', () => undefined); // A script that is refused is not read to its end.
    child.stdin.end(input);
  });
}
