/** A set of gfns, one bit each: for statistics, so it must stay small when a guest has touched millions of pages. */
export declare class GfnSet {
    private readonly regions;
    add(gfn: number): void;
    /** @returns Whether it was in the set. */
    delete(gfn: number): boolean;
}
