/**
 * Random scripts as one fast-check arbitrary.
 *
 * Generating keeps account of the processes, so that most events are about one that lives. Shrinking does not need to:
 * it leaves events out, in chunks of a half, a quarter, ... one, and then makes the arguments of the rest simpler. A
 * script that does not make sense any more answers the same on both sides, or is refused by both: no counterexample.
 */
import fc from 'fast-check';
import { ARENA_PAGES, PAGE, hex } from './arena.ts';
import {
  FILES,
  type Words,
  access,
  fileEvent,
  firstMappings,
  heapEnd,
  loadOrStore,
  memoryCall,
  newFile,
} from './events.ts';
import { Focus } from './focus.ts';
import { HEAP, overTheHeap } from './heap.ts';
import { simplify } from './simplify.ts';

export interface ScriptOptions {
  /** How many events a generated script has. */
  readonly events: number;
  /** A KVM guest plays a device. */
  readonly device: boolean;
  /** All of it lies where the heap grows. */
  readonly heap?: boolean;
  /** Events with one of these words (verbs, flags, advices) are not generated. */
  readonly avoid?: readonly string[];
}

/** A script as lines of words. */
export type ScriptWords = readonly Words[];

export function toText(script: ScriptWords): string {
  return script.map((words) => `${words.join(' ')}\n`).join('');
}

export function scripts(options: ScriptOptions): fc.Arbitrary<ScriptWords> {
  return new ScriptArbitrary(options);
}

/** More would only be slower. */
const MAX_PROCESSES = 6;

/** Where shrinking goes on after a smaller script was found to fail too. */
interface ShrinkState {
  readonly phase: 'remove' | 'simplify';
  readonly chunk: number;
  readonly at: number;
  /** Something was shrunk in this round, so that another one may find more. */
  readonly changed: boolean;
}

class ScriptArbitrary extends fc.Arbitrary<ScriptWords> {
  private readonly options: ScriptOptions;
  private readonly avoid: ReadonlySet<string>;

  constructor(options: ScriptOptions) {
    super();
    this.options = options;
    this.avoid = new Set(options.avoid);
  }

  override generate(random: fc.Random): fc.Value<ScriptWords> {
    const story = new Story(this.options, random);
    const script: Words[] = [];
    while (script.length < this.options.events) {
      for (const words of story.next()) if (!this.avoids(words)) script.push(words);
    }
    return new fc.Value<ScriptWords>(script.slice(0, this.options.events), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is ScriptWords {
    return Array.isArray(value);
  }

  override shrink(value: ScriptWords, context: unknown): fc.Stream<fc.Value<ScriptWords>> {
    const first: ShrinkState = { phase: 'remove', chunk: halfOf(value.length), at: 0, changed: false };
    return fc.stream(this.candidates(value, (context as ShrinkState | undefined) ?? first));
  }

  private *candidates(script: ScriptWords, state: ShrinkState): IterableIterator<fc.Value<ScriptWords>> {
    if (state.phase === 'remove') yield* this.smaller(script, state);
    yield* this.simpler(script, state.phase === 'simplify' ? state.at : 0);
    const again: ShrinkState = { phase: 'remove', chunk: halfOf(script.length), at: 0, changed: false };
    if (state.changed) yield* this.candidates(script, again);
  }

  private *smaller(script: ScriptWords, state: ShrinkState): IterableIterator<fc.Value<ScriptWords>> {
    let { at } = state;
    for (let { chunk } = state; chunk >= 1; chunk = Math.floor(chunk / 2)) {
      for (; at < script.length; at += chunk) {
        const rest = [...script.slice(0, at), ...script.slice(at + chunk)];
        yield new fc.Value<ScriptWords>(rest, { phase: 'remove', chunk, at, changed: true } satisfies ShrinkState);
      }
      at = 0;
    }
  }

  private *simpler(script: ScriptWords, from: number): IterableIterator<fc.Value<ScriptWords>> {
    for (let at = from; at < script.length; at++) {
      for (const words of simplify(script[at] as Words)) {
        const changed = [...script.slice(0, at), words, ...script.slice(at + 1)];
        yield new fc.Value<ScriptWords>(changed, {
          phase: 'simplify',
          chunk: 0,
          at,
          changed: true,
        } satisfies ShrinkState);
      }
    }
  }

  private avoids(words: Words): boolean {
    return words.some((word) => word.split(',').some((part) => this.avoid.has(part)));
  }
}

function halfOf(count: number): number {
  return Math.max(1, Math.ceil(count / 2));
}

/** Draws events one after the other, and knows which processes live. */
class Story {
  private readonly draw: <T>(arbitrary: fc.Arbitrary<T>) => T;
  private readonly device: boolean;
  private readonly heap: boolean;
  private readonly writeOnly: boolean;
  private readonly focus: Focus;
  private alive: string[] = ['p1'];
  private created = 1;
  private deviceLives = false;
  private begun = false;

  constructor(options: ScriptOptions, random: fc.Random) {
    this.draw = (arbitrary) => arbitrary.generate(random, undefined).value;
    this.device = options.device;
    this.heap = options.heap === true;
    this.writeOnly = this.device && this.draw(fc.boolean());
    this.focus = new Focus(this.draw);
  }

  /** The next event, or a few that belong together. */
  next(): Words[] {
    const events = this.heap ? this.event().map(overTheHeap) : this.event();
    return this.device ? events.map(this.writeOnly ? withoutSharedFiles : withoutWriteOnly) : events;
  }

  private event(): Words[] {
    if (!this.begun) return this.begin();
    const dice = this.draw(fc.integer({ min: 0, max: 999 }));
    if (dice < 400) return this.memoryCall();
    if (dice < 600 && this.deviceLives) return [['kvm0', ...this.focus.aim(this.draw(loadOrStore))]];
    if (dice < 900) return [[this.process(), ...this.focus.aim(this.draw(access))]];
    if (dice < 950) return [this.draw(fileEvent)];
    if (dice < 965) return this.fork();
    if (dice < 980) return this.leave(dice < 977 ? 'exit' : 'exec');
    return [[this.process(), 'maps']];
  }

  private begin(): Words[] {
    this.begun = true;
    const files = FILES.map((name) => ['machine', 'file', name, ...this.draw(newFile)]);
    // Whatever is mapped stops the heap, which would hardly grow: one half of the scripts about it begin with a large one.
    const grown = this.heap && this.draw(fc.boolean());
    const mappings = grown
      ? [['p1', 'brk', hex(HEAP + (ARENA_PAGES / 2) * PAGE)]]
      : this.draw(firstMappings).map((words) => ['p1', ...this.focus.aim(words)]);
    this.deviceLives = this.device;
    return [...files, ...(this.device ? [['machine', 'attach', 'kvm0', 'kvm', 'p1']] : []), ...mappings];
  }

  /** Every third call is followed by the question what it did; calls about what is in memory are asked of known mappings. */
  private memoryCall(): Words[] {
    const process = this.process();
    if (this.heap && this.draw(fc.integer({ min: 0, max: 4 })) === 0)
      return [
        [process, ...this.draw(heapEnd)],
        [process, 'maps'],
      ];
    const call = [process, ...this.focus.aim(this.draw(memoryCall))];
    if (call[1] === 'mincore' || isAboutFiles(call)) return [[process, 'maps'], call];
    return this.draw(fc.integer({ min: 0, max: 2 })) === 0 ? [call, [process, 'maps']] : [call];
  }

  /** p1 does most; its device is what the others are compared with. */
  private process(): string {
    const first = this.alive[0] as string;
    return this.draw(fc.boolean()) ? first : this.draw(fc.constantFrom(...this.alive));
  }

  private fork(): Words[] {
    if (this.alive.length >= MAX_PROCESSES) return this.leave('exit');
    const parent = this.process();
    this.created++;
    this.alive.push(`p${this.created}`);
    return [[parent, 'fork']];
  }

  /** p1 stays as long as its device is needed, and somebody always does. */
  private leave(how: 'exit' | 'exec'): Words[] {
    const leaving = this.draw(fc.constantFrom(...this.alive));
    if (leaving === 'p1' && this.deviceLives) return [];
    if (how === 'exec') return [[leaving, 'exec']];
    if (this.alive.length === 1) return [];
    this.alive = this.alive.filter((name) => name !== leaving);
    return [[leaving, 'exit']];
  }
}

/**
 * A device reads write-only memory where it could write without a fault. A file on a disk wants that fault, a memfd does
 * not: a script has write-only memory or shared files.
 */
function withoutSharedFiles(words: Words): Words {
  if (words[1] !== 'mmap' || words.length < 7) return words;
  return words.map((word, at) => (at === 5 ? word.replace(/^shared/, 'private') : word));
}

function withoutWriteOnly(words: Words): Words {
  const place = words[1] === 'mmap' || words[1] === 'mprotect' ? 4 : -1;
  return words.map((word, at) => (at === place ? word.replace(/^w/, 'rw') : word));
}

/** What files have in memory afterwards is not the same on both sides, and `maps` tells of which pages. */
function isAboutFiles([, verb, , , advice]: Words): boolean {
  return verb === 'madvise' && (advice === 'willneed' || advice === 'pageout');
}
