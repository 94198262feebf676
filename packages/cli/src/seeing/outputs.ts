/** The files that show a replay. They begin before any work, and are there whole or not at all. */
import { realpathSync } from 'node:fs';
import { InputError } from '../errors.ts';
import { OutputFile } from '../output-file.ts';
import type { ReplayOptions } from '../replay/options.ts';
import type { PlayedRun } from '../replay/play-recording.ts';
import { formatBytes } from '../sizes.ts';
import { renderPage } from './html/page.ts';

export class Outputs {
  readonly page: OutputFile | undefined;
  readonly trace: OutputFile | undefined;

  /** @throws InputError where one of them cannot be written, or would replace the recording or the other one. */
  constructor({ html, perfetto }: Pick<ReplayOptions, 'html' | 'perfetto'>, recording: string) {
    try {
      this.page = html === undefined ? undefined : begin(html, '--html', recording);
      this.trace = perfetto === undefined ? undefined : begin(perfetto, '--perfetto', recording);
      if (this.page !== undefined && this.page.place === this.trace?.place)
        throw new InputError(`--html and --perfetto: found ${this.page.path} in both, expected two files`);
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** Writes the page, and gives every file its name. */
  finish(runs: readonly PlayedRun[]): void {
    this.page?.write(Buffer.from(renderPage(runs)));
    this.page?.finish();
    this.trace?.finish();
  }

  /** Takes away what is not finished. */
  discard(): void {
    this.page?.discard();
    this.trace?.discard();
  }

  /** What the page is; the trace is in the report. */
  remark(): string {
    return this.page === undefined ? '' : `${this.page.path}: a page of ${formatBytes(this.page.bytes)}\n`;
  }
}

function begin(path: string, option: string, recording: string): OutputFile {
  const file = new OutputFile(path, option);
  if (file.place !== realpathSync(recording)) return file;
  file.discard();
  throw new InputError(`${option}: found ${path}, which is the recording; expected another file`);
}
