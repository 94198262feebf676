/** What happened on a transport: numbers for tests and reports, and lines for people. */

/** Why a peer was turned away or dropped. */
export type Fault =
  /** Bytes that are no frame of this protocol, or a frame out of turn. */
  | 'garbage'
  /** A frame longer than there may be. */
  | 'oversize'
  /** The stream ended inside a frame, or inside the handshake. */
  | 'truncated'
  /** A version that is not spoken here. */
  | 'version'
  /** The proof does not fit the key. */
  | 'key'
  /** A frame whose MAC does not fit: changed, made up, or of another session. */
  | 'forged'
  /** A frame of this session at another place than its own. */
  | 'replayed'
  /** No end of the handshake in time. */
  | 'slow'
  /** Nothing heard for too long. */
  | 'silent'
  /** More connections than there may be. */
  | 'full';

const FAULTS: readonly Fault[] = [
  'garbage',
  'oversize',
  'truncated',
  'version',
  'key',
  'forged',
  'replayed',
  'slow',
  'silent',
  'full',
];

/** Lines for each kind of fault before only powers of two are told. */
const TALKATIVE = 8;

/** Counters of a transport. @public */
export interface LinkStats {
  /** Links that were made, from here and from elsewhere. */
  readonly connected: number;
  readonly accepted: number;
  /** Attempts to connect beyond the first. */
  readonly retries: number;
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Signs of life that came from silent peers. */
  readonly signsOfLife: number;
  /** `send` answered EAGAIN. */
  readonly refused: number;
  /** Times that a socket was not read, because messages were not received. */
  readonly paused: number;
  /** Links that ended as `lost`. */
  readonly lost: number;
  /** Peers that were turned away or dropped, by reason. */
  readonly faults: Readonly<Record<string, number>>;
}

export class Counters {
  connected = 0;
  accepted = 0;
  retries = 0;
  messagesSent = 0;
  messagesReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  signsOfLife = 0;
  refused = 0;
  paused = 0;
  lost = 0;
  readonly faults: Record<Fault, number> = Object.fromEntries(FAULTS.map((name) => [name, 0])) as Record<Fault, number>;
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  /** @param line - Nothing in it may come from the peer as it is. */
  fault(kind: Fault, line: string): void {
    const count = ++this.faults[kind];
    if (count <= TALKATIVE || (count & (count - 1)) === 0) this.log(`links: ${line} (${kind}, ${count} so far)`);
  }

  report(): LinkStats {
    const { log: _, faults, ...numbers } = this;
    return { ...numbers, faults: { ...faults } };
  }
}
