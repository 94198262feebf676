/**
 * What one chiplet has, as `gruhandles.h` of Linux 6.x counts it. A blade (node hub) has two chiplets.
 */

/** Contexts that can be loaded at a time, each behind a context configuration handle (CCH). */
export const CONTEXTS = 16;
/** Control block registers, each with its extension and its TLB fault handle (TFH). */
export const CBRS = 128;
/** CBRs are given out by the pair. */
export const CBR_UNIT = 2;
/** Data segment: where instructions leave what they load and find what they store. */
export const DSR_BYTES = 32768;
/** The data segment is given out in pieces of this size. */
export const DSR_UNIT = 1024;
/** TLB global handles, through which software purges. */
export const TGHS = 24;
export const CHIPLETS_PER_BLADE = 2;

/** The lowest address space id that a context may have; 0 says "none". */
export const MIN_ASID = 8;
/** A context has one id for each of the eight regions of its address space, so the next context is eight further. */
export const ASID_STEP = 8;
/** Behind the last one: ids have 24 bits. */
export const MAX_ASID = 0xfffff0;

/** From this many pages on a purge takes everything of its ASID (`GRUMAXINVAL`). */
export const MAX_PURGE_PAGES = 1024;
