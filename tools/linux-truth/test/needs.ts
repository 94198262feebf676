/** Tests of what this machine may not have: skipped, and never in silence. */

/** `describe`, or `describe.skip` with the reason in the title and on standard error. */
export function describeIf(reason: string | undefined, title: string, body: () => void): void {
  if (reason === undefined) return describe(title, body);
  process.stderr.write(`linux-truth: SKIPPED: ${title}: ${reason}\n`);
  describe.skip(`${title} (skipped: ${reason})`, body);
}
