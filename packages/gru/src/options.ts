/** Options of the driver and of one context, as users write them. */
import { TASK_SIZE } from '@mmu-notifier/plugin-api';
import type { MissMode } from './hardware/cch.ts';
import {
  ASID_STEP,
  CBRS,
  CBR_UNIT,
  CHIPLETS_PER_BLADE,
  CONTEXTS,
  DSR_BYTES,
  DSR_UNIT,
  MAX_ASID,
  MIN_ASID,
} from './hardware/geometry.ts';

/**
 * Options of {@link gru}.
 * @public
 */
export interface GruOptions extends GruContextOptions {
  /** Blades of the machine, each with two chiplets. */
  readonly blades?: number;
  /** Entries of a chiplet's TLB, a power of two. */
  readonly tlbEntries?: number;
  /** Behind the last address space id of a chiplet, a multiple of 8: a small one makes ids wrap soon. */
  readonly maxAsid?: number;
}

/**
 * Options of one context, given to `open`; the driver's options say what it has without.
 * @public
 */
export interface GruContextOptions {
  /** Control blocks, a multiple of 2. */
  readonly controlBlocks?: number;
  /** Bytes of the data segment, a multiple of 1024. */
  readonly dataSegmentBytes?: number;
  /** Where a TLB miss goes: to the driver by interrupt, or to the process, which polls and calls. */
  readonly missMode?: 'interrupt' | 'user-polling';
  /** Pages behind the one that missed that a BCOPY has dropped in with it. */
  readonly tlbPreload?: number;
  /** Whether its GSEG is mapped into the process from the beginning; `gseg` maps it later. */
  readonly gseg?: boolean;
  /** Where the context is loaded: a blade, and one of its chiplets. Without, blades take turns. */
  readonly blade?: number;
  /** 0 or 1. */
  readonly chiplet?: number;
}

/** What a context is made of. */
export interface ContextConfig {
  readonly controlBlocks: number;
  readonly dataSegmentBytes: number;
  readonly missMode: MissMode;
  readonly tlbPreload: number;
  readonly gseg: boolean;
  readonly blade: number | undefined;
  readonly chiplet: number | undefined;
}

export interface GruConfig {
  readonly blades: number;
  readonly tlbEntries: number;
  readonly maxAsid: number;
  readonly context: ContextConfig;
}

const CONTEXT_OPTIONS: readonly string[] = [
  'controlBlocks',
  'dataSegmentBytes',
  'missMode',
  'tlbPreload',
  'gseg',
  'blade',
  'chiplet',
];
const OPTIONS: readonly string[] = ['blades', 'tlbEntries', 'maxAsid', ...CONTEXT_OPTIONS];
/** More ids than contexts can be loaded, so that the search for a free one ends. */
const LEAST_MAX_ASID = MIN_ASID + (CONTEXTS + 2) * ASID_STEP;
/** A chiplet's number has to fit a bit set. */
const MAX_BLADES = 15;

/** Misuse by a user throws; the message says what was found and what is expected. */
export function checkOptions(options: GruOptions): GruConfig {
  known(options, OPTIONS);
  const { blades = 1, tlbEntries = 512, maxAsid = MAX_ASID } = options;
  within('blades', blades, 1, MAX_BLADES);
  if (!isCount(tlbEntries) || tlbEntries < 1 || tlbEntries > 65536 || !Number.isInteger(Math.log2(tlbEntries)))
    throw new RangeError(`gru: tlbEntries is a power of two up to 65536, found ${show(tlbEntries)}`);
  if (!isCount(maxAsid) || maxAsid % ASID_STEP !== 0 || maxAsid < LEAST_MAX_ASID || maxAsid > MAX_ASID) {
    throw new RangeError(
      `gru: maxAsid is a multiple of 8 from ${LEAST_MAX_ASID} to ${MAX_ASID}, found ${show(maxAsid)}`,
    );
  }
  return { blades, tlbEntries, maxAsid, context: checkContextOptions(options, undefined, blades) };
}

/** As `checkOptions`, for what one context says beside `base`. */
export function checkContextOptions(
  options: GruContextOptions,
  base: ContextConfig | undefined,
  blades: number,
): ContextConfig {
  if (base !== undefined) known(options, CONTEXT_OPTIONS);
  const {
    controlBlocks = base?.controlBlocks ?? 4,
    dataSegmentBytes = base?.dataSegmentBytes ?? 4096,
    missMode = base?.missMode ?? 'interrupt',
    tlbPreload = base?.tlbPreload ?? 0,
    gseg = base?.gseg ?? false,
    blade = base?.blade,
    chiplet = base?.chiplet,
  } = options;
  unitsOf('controlBlocks', controlBlocks, CBR_UNIT, CBRS);
  unitsOf('dataSegmentBytes', dataSegmentBytes, DSR_UNIT, DSR_BYTES);
  if (missMode !== 'interrupt' && missMode !== 'user-polling')
    throw new RangeError(`gru: missMode is "interrupt" or "user-polling", found ${show(missMode)}`);
  within('tlbPreload', tlbPreload, 0, 100);
  if (typeof gseg !== 'boolean') throw new RangeError(`gru: gseg is true or false, found ${show(gseg)}`);
  if (blade !== undefined) within('blade', blade, 0, blades - 1);
  if (chiplet !== undefined) within('chiplet', chiplet, 0, CHIPLETS_PER_BLADE - 1);
  return { controlBlocks, dataSegmentBytes, missMode, tlbPreload, gseg, blade, chiplet };
}

/** Whether a process can have it. */
export function isUserRange(address: number, length: number): boolean {
  return Number.isInteger(address) && address >= 0 && length >= 0 && address + length <= TASK_SIZE;
}

function known(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new RangeError(`gru: found option "${unknown}", expected ${names.join(', ')}`);
}

function within(name: string, value: number, least: number, most: number): void {
  if (!isCount(value) || value < least || value > most)
    throw new RangeError(`gru: ${name} is a number from ${least} to ${most}, found ${show(value)}`);
}

function unitsOf(name: string, value: number, unit: number, most: number): void {
  if (!isCount(value) || value < unit || value > most || value % unit !== 0)
    throw new RangeError(`gru: ${name} is a multiple of ${unit} up to ${most}, found ${show(value)}`);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value);
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
