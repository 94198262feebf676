/** What carries the links of a machine, and what one device has of it. */
import type { Errno, Link, LinkListener, LinkService, Routine } from '@mmu-notifier/plugin-api';

/** Simulated, or a transport. */
export interface LinkBackend {
  readonly maxMessage: number;
  nodeOf(device: string): string;
  listen(node: string, endpoint: string): Routine<LinkListener | Errno>;
  connect(node: string, endpoint: string, patience: number): Routine<Link | Errno>;
}

/** The links of one device. What it leaves open is closed when it is detached. */
export class DeviceLinks implements LinkService {
  readonly node: string;
  readonly maxMessage: number;
  private readonly backend: LinkBackend;
  private readonly listeners = new Set<LinkListener>();
  private links: Link[] = [];

  constructor(backend: LinkBackend, device: string) {
    this.backend = backend;
    this.node = backend.nodeOf(device);
    this.maxMessage = backend.maxMessage;
  }

  *listen(endpoint: string): Routine<LinkListener | Errno> {
    const listener = yield* this.backend.listen(this.node, endpoint);
    return typeof listener === 'string' ? listener : this.own(listener);
  }

  *connect(endpoint: string, patience = 0): Routine<Link | Errno> {
    const link = yield* this.backend.connect(this.node, endpoint, patience);
    return typeof link === 'string' ? link : this.keep(link);
  }

  closeAll(): void {
    for (const listener of [...this.listeners]) listener.close();
    for (const link of this.links.splice(0)) link.close();
  }

  private own(listener: LinkListener): LinkListener {
    const { listeners } = this;
    const keep = (link: Link): Link => this.keep(link);
    const owned: LinkListener = {
      endpoint: listener.endpoint,
      *accept(nanoseconds): Routine<Link | 'closed' | 'timeout'> {
        const link = yield* listener.accept(nanoseconds);
        return typeof link === 'string' ? link : keep(link);
      },
      close() {
        listeners.delete(owned);
        listener.close();
      },
    };
    listeners.add(owned);
    return owned;
  }

  private keep(link: Link): Link {
    this.links = this.links.filter(({ end }) => end === undefined);
    this.links.push(link);
    return link;
  }
}
