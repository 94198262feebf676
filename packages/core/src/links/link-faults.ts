/** What may go wrong on simulated links; each time the strategy decides whether it does. */
import { UsageError } from '../contract.ts';

/**
 * Which faults simulated links may have: none unless named. Direct mode has no strategy, and nothing goes wrong in it.
 * Times are virtual nanoseconds.
 * @public
 */
export interface LinkFaults {
  /** A message may never arrive. */
  readonly loss?: boolean;
  /** A second copy may arrive `delayNs` after the first. */
  readonly duplication?: boolean;
  /** A message may take `delayNs` longer, and those behind it wait for it. */
  readonly delay?: boolean;
  /** As `delay`, and those behind it do not wait. */
  readonly reordering?: boolean;
  /**
   * A link may break as a message is sent: that one, and what is under way in both directions, never arrives. Each node
   * hears of it at once, or after `silenceNs`, the strategy decides. A connection may not come about.
   */
  readonly disconnection?: boolean;
  /** Faults in one run; any number unless given. */
  readonly atMost?: number;
  /** What every message takes: 0 unless given. */
  readonly latencyNs?: number;
  /** 1,000,000 (1 ms) unless given. */
  readonly delayNs?: number;
  /** 1,000,000,000 (1 s) unless given. */
  readonly silenceNs?: number;
  /** Messages that may be under way or not received in one direction: 64 unless given. */
  readonly capacity?: number;
}

/** What may become of one message. */
export type MessageFault = 'loss' | 'duplication' | 'delay' | 'reordering' | 'disconnection';

/** In the order in which the choices are numbered, from 1 on. */
const MESSAGE_FAULTS: readonly MessageFault[] = ['loss', 'duplication', 'delay', 'reordering', 'disconnection'];

const NUMBERS = { atMost: Infinity, latencyNs: 0, delayNs: 1e6, silenceNs: 1e9, capacity: 64 } as const;

/** The faults of one machine. */
export class FaultPlan {
  readonly latencyNs: number;
  readonly delayNs: number;
  readonly silenceNs: number;
  readonly capacity: number;
  private readonly possible: readonly MessageFault[];
  private readonly choose: (count: number, what: string) => number;
  private left: number;

  /** @throws UsageError for a name that there is not, and for a value that cannot be. */
  constructor(faults: LinkFaults, choose: (count: number, what: string) => number) {
    this.choose = choose;
    this.possible = MESSAGE_FAULTS.filter((name) => faults[name]);
    const { atMost, latencyNs, delayNs, silenceNs, capacity } = numbersOf(faults);
    this.left = atMost;
    this.latencyNs = latencyNs;
    this.delayNs = delayNs;
    this.silenceNs = silenceNs;
    this.capacity = capacity;
  }

  /** `undefined`: it arrives. */
  ofMessage(what: string): MessageFault | undefined {
    if (this.left <= 0 || this.possible.length === 0) return undefined;
    const chosen = this.choose(this.possible.length + 1, what);
    if (chosen === 0) return undefined;
    this.left--;
    return this.possible[chosen - 1];
  }

  /** Whether a connection does not come about. */
  ofConnection(what: string): boolean {
    if (this.left <= 0 || !this.possible.includes('disconnection') || this.choose(2, what) === 0) return false;
    this.left--;
    return true;
  }

  /** After a break: when one of the nodes hears of it. */
  hears(what: string): 'at-once' | 'after-silence' {
    return this.choose(2, what) === 0 ? 'at-once' : 'after-silence';
  }
}

function numbersOf(faults: LinkFaults): Record<keyof typeof NUMBERS, number> {
  const found: Record<string, unknown> = { ...faults };
  const numbers: Record<string, number> = { ...NUMBERS };
  for (const [name, value] of Object.entries(found)) {
    if ((MESSAGE_FAULTS as readonly string[]).includes(name)) {
      if (typeof value === 'boolean' || value === undefined) continue;
      throw new UsageError('links', `links.${name} is true or false, found ${String(value)}`);
    }
    if (!(name in NUMBERS)) {
      const names = [...MESSAGE_FAULTS, ...Object.keys(NUMBERS)].join(', ');
      throw new UsageError('links', `found links.${name}, expected ${names}`);
    }
    if (value === undefined) continue;
    const least = name === 'capacity' ? 1 : 0;
    if (typeof value !== 'number' || !(value >= least)) {
      throw new UsageError('links', `links.${name} is a number from ${least} on, found ${String(value)}`);
    }
    numbers[name] = value;
  }
  return numbers as Record<keyof typeof NUMBERS, number>;
}
