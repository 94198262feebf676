/** Pages that reclaim took from address spaces, and how many of them were wanted back. */

export class Reclaimed {
  count = 0;
  refaults = 0;
  private readonly pages = new Set<string>();

  take(process: number, page: number): void {
    this.count++;
    this.pages.add(`${process}:${page}`);
  }

  faulted(process: number, page: number): void {
    if (this.pages.delete(`${process}:${page}`)) this.refaults++;
  }
}
