/**
 * Verbs that scripts can give the device: instructions, and the calls of `/dev/gru`. They mean the first context of the
 * process, or the only process's where none is named.
 */
import { isErrno } from '@mmu-notifier/plugin-api';
import type { DeviceAction, Errno, ProcessHandle, Routine, VirtualAddress } from '@mmu-notifier/plugin-api';
import { exceptionOf } from './access.ts';
import { contextConfig } from './context-config.ts';
import { createContext, mapWindow } from './contexts.ts';
import { callOs } from './driver/fault.ts';
import type { Gts } from './driver/gts.ts';
import { flushRange } from './driver/invalidate.ts';
import { unloadContext } from './driver/load.ts';
import { checkPlacement, gsegFault, markStolen } from './driver/placement.ts';
import type { GruShared } from './driver/shared.ts';
import { causeNames } from './hardware/cause.ts';
import type { ControlBlock } from './hardware/control-block.ts';
import { isUserRange } from './options.ts';
import { claimBlock, execute, releaseBlock, start, waitFor } from './user/instructions.ts';
import { hexOf, parseInstruction, parseNumber } from './user/parse.ts';
import type { Parsed } from './user/parse.ts';

type Answer = Routine<Errno | string | undefined>;
type Verb = (shared: GruShared, gts: Gts, args: readonly string[]) => Answer;

const INSTRUCTIONS = ['nop', 'vload', 'vstore', 'vset', 'bcopy', 'bstore', 'gather', 'scatter', 'amo'] as const;

const VERBS: Readonly<Record<string, Verb>> = {
  ...Object.fromEntries(INSTRUCTIONS.map((verb) => [verb, instruction(verb)])),
  start: startInstruction,
  wait,
  callos: callOsOf,
  unload,
  steal,
  flush,
  option,
  exception,
  statistics,
  gseg,
};

export function gruActions(shared: GruShared): Readonly<Record<string, DeviceAction>> {
  const verbs = Object.entries(VERBS).map(([name, verb]): [string, DeviceAction] => [
    name,
    function* (process, args) {
      const gts = named(shared, process, args);
      return isErrno(gts) ? gts : yield* verb(shared, gts.gts, gts.args);
    },
  ]);
  return { ...Object.fromEntries(verbs), create: (process, args) => create(shared, process, args) };
}

/** `gseg=N`, as the last word, means another context of the process than the first. */
function named(
  { contexts, state }: GruShared,
  process: ProcessHandle | undefined,
  args: readonly string[],
): { readonly gts: Gts; readonly args: readonly string[] } | Errno {
  state.reads();
  if (process === undefined && contexts.size > 1) return 'EINVAL';
  const mine = process === undefined ? [...contexts.values()][0] : contexts.get(process.name);
  const last = args[args.length - 1] ?? '';
  const number = last.startsWith('gseg=') ? parseNumber(last.slice(5)) : undefined;
  const gts = number === undefined ? mine?.[0] : mine?.find((one) => one.number === number);
  if (gts === undefined || gts.closed) return mine === undefined ? 'EIO' : 'EINVAL';
  return { gts, args: number === undefined ? args : args.slice(0, -1) };
}

function instruction(verb: string): Verb {
  return function* (shared, gts, args) {
    const block = yield* claimBlock(gts);
    if (isErrno(block)) return block;
    const parsed = parseInstruction(gts, block, [verb, ...args]);
    const result = parsed === undefined ? 'EINVAL' : yield* run(shared, gts, block, parsed);
    releaseBlock(gts, block);
    return result;
  };
}

function* run(shared: GruShared, gts: Gts, block: ControlBlock, { instruction, answer }: Parsed): Answer {
  const error = yield* execute(shared, gts, block, instruction);
  if (error !== undefined) return error;
  const failed = exceptionOf(block);
  if (failed !== undefined) return typeof failed === 'string' ? (failed as Errno) : `exception ${failed.exit}`;
  if (answer === 'none') return undefined;
  if (answer === 'result') return `0x${block.result.toString(16)}`;
  return hexOf(gts.readSegment(answer.offset, answer.length));
}

/** `start INSTRUCTION...`: answers the block's number, and does not wait. */
function* startInstruction(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const error = gts.loaded ? undefined : yield* gsegFault(shared, gts);
  if (error !== undefined) return error;
  const block = yield* claimBlock(gts);
  if (isErrno(block)) return block;
  const parsed = parseInstruction(gts, block, args);
  if (parsed === undefined) {
    releaseBlock(gts, block);
    return 'EINVAL';
  }
  start(shared, gts, block, parsed.instruction);
  return String(block.number);
}

/** `wait CB`: until the instruction has ended; answers how, and gives the block back. */
function* wait(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const block = blockOf(gts, args);
  if (block === undefined || !block.claimed) return 'EINVAL';
  const error = yield* waitFor(shared, gts, block);
  if (error !== undefined) return error;
  releaseBlock(gts, block);
  return block.exception === undefined ? block.istatus : `exception ${causeNames(block.exception.cause)}`;
}

/** `callos CB` */
function* callOsOf(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const block = blockOf(gts, args);
  if (block === undefined) return 'EINVAL';
  const result = yield* callOs(shared, gts, block);
  return isErrno(result) ? result : undefined;
}

function* unload(shared: GruShared, gts: Gts): Answer {
  shared.stats.user_unload_context();
  yield* gts.ctxlock.acquire();
  yield* unloadContext(shared, gts);
  gts.ctxlock.release();
  return undefined;
}

/** As another context of the blade does for want of room. `EBUSY` where somebody works on this one. */
function* steal(shared: GruShared, gts: Gts): Answer {
  if (!gts.ctxlock.tryAcquire()) return 'EBUSY';
  if (gts.gru !== undefined) {
    yield* unloadContext(shared, gts);
    markStolen(shared, gts);
  }
  gts.ctxlock.release();
  return undefined;
}

/** `flush ADDR LEN`: without the context's lock, for a purge waits. */
function* flush(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const [address, length] = args.map(parseNumber);
  if (address === undefined || length === undefined || !isUserRange(address, length)) return 'EINVAL';
  shared.stats.user_flush_tlb();
  yield* flushRange(shared, gts.gms, address, address + length);
  return undefined;
}

/** `option blade=N chiplet=N`: where the context is to run from now on. */
function* option(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const places = pairs(args);
  if (places === undefined || Object.keys(places).some((name) => name !== 'blade' && name !== 'chiplet'))
    return 'EINVAL';
  const config = contextConfig(shared, places, gts.config);
  if (isErrno(config)) return config;
  shared.stats.set_context_option();
  gts.config = config;
  yield* checkPlacement(shared, gts);
  return undefined;
}

/** `gseg [ADDR]`: maps the window of the context into the process; answers where. */
function* gseg(shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const address = parseNumber(args[0]);
  if (args.length > 1 || (args.length === 1 && (address === undefined || !isUserRange(address, 0)))) return 'EINVAL';
  const start = yield* mapWindow(shared, gts, address as VirtualAddress | undefined);
  return isErrno(start) ? start : `0x${start.toString(16)}`;
}

/** `exception [CB]`: what the last instruction in a block ended with. */
function* exception(_shared: GruShared, gts: Gts, args: readonly string[]): Answer {
  const block = blockOf(gts, args.length === 0 ? ['0'] : args);
  if (block === undefined) return 'EINVAL';
  if (block.exception === undefined) return block.istatus;
  const { cause, opcode, address } = block.exception;
  return `${causeNames(cause)} ${opcode} 0x${address.toString(16)}`;
}

/** `statistics`: of this GSEG. */
function* statistics(_shared: GruShared, { statistics: counts }: Gts): Answer {
  return Object.entries(counts)
    .map(([name, count]) => `${name}=${count}`)
    .join(' ');
}

/** `create [controlBlocks=N dataSegmentBytes=N ...]`: one more context; answers its number. */
function* create(shared: GruShared, process: ProcessHandle | undefined, args: readonly string[]): Answer {
  const options = pairs(args);
  if (process === undefined || options === undefined) return 'EINVAL';
  const config = contextConfig(shared, options, shared.config.context);
  if (isErrno(config)) return config;
  const gts = yield* createContext(shared, process, config);
  return isErrno(gts) ? gts : String(gts.number);
}

function blockOf(gts: Gts, [word]: readonly string[]): ControlBlock | undefined {
  const number = parseNumber(word);
  return number === undefined ? undefined : gts.blocks[number];
}

/** `name=value` words; values are numbers where they look like one. */
function pairs(args: readonly string[]): Record<string, number | string> | undefined {
  const found: Record<string, number | string> = {};
  for (const word of args) {
    const at = word.indexOf('=');
    if (at < 1) return undefined;
    const value = word.slice(at + 1);
    found[word.slice(0, at)] = parseNumber(value) ?? value;
  }
  return found;
}
