/** What every kind of link promises: one suite, run on simulated links and on sockets. */
import type { Link, LinkListener, Routine } from '@mmu-notifier/plugin-api';
import { Handed, type Side, type World, got, simulatedWorld, socketWorld } from './world.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values);

/** `a` connects to `b`; each side then does its part with its end, and closes it. */
async function linked(
  world: World,
  a: (link: Link, side: Side) => Routine<void>,
  b: (link: Link, side: Side) => Routine<void>,
): Promise<void> {
  const endpoint = new Handed<string>();
  await world.both(
    function* (side) {
      const link = got(yield* side.links.connect(yield* endpoint.take(side)));
      yield* a(link, side);
      link.close();
    },
    function* (side) {
      const listener = got(yield* side.links.listen(world.endpoint())) as LinkListener;
      endpoint.give(listener.endpoint);
      const link = got(yield* listener.accept());
      listener.close();
      yield* b(link, side);
      link.close();
    },
  );
}

function* drain(link: Link): Routine<number[]> {
  const seen: number[] = [];
  for (let message = yield* link.receive(); message !== 'closed'; message = yield* link.receive()) {
    seen.push((message as Uint8Array)[0] as number);
  }
  return seen;
}

function* nothing(): Routine<void> {}

describe.each([
  ['simulated', simulatedWorld],
  ['unix', () => socketWorld('unix')],
  ['tcp', () => socketWorld('tcp')],
  ['tcp over IPv6', () => socketWorld('tcp6')],
])('a link (%s)', (_, make) => {
  let world: World;

  beforeEach(() => {
    world = make();
  });

  afterEach(() => world.close());

  it('says who the peer is, and has the same session at both ends', async () => {
    const sessions: number[] = [];
    for (let i = 0; i < 2; i++) {
      await linked(
        world,
        function* (link, { links }) {
          expect([links.node, link.peer, link.end]).toEqual(['a', 'b', undefined]);
          sessions.push(link.session);
        },
        function* (link, { links }) {
          expect([links.node, link.peer]).toEqual(['b', 'a']);
          sessions.push(link.session);
          yield* drain(link);
        },
      );
    }
    const [first = 0, , second = 0] = sessions;
    expect(sessions.sort()).toEqual([first, first, second, second]);
    expect(second).toBeGreaterThan(first);
  });

  it('carries messages whole, in order, as they were when they were sent', async () => {
    const sizes = [0, 1, 5, 4096, 65_536, 2 ** 20];
    await linked(
      world,
      function* (link) {
        for (const size of sizes) {
          const message = new Uint8Array(size).fill(size & 127);
          while (link.send(message) === 'EAGAIN') yield* link.room();
          message.fill(255);
        }
        yield* link.receive();
      },
      function* (link) {
        for (const size of sizes) {
          const message = got(yield* link.receive());
          expect(message).toHaveLength(size);
          expect(message.every((byte) => byte === (size & 127))).toBe(true);
        }
      },
    );
  });

  it('refuses what is too long, and what comes after its end', async () => {
    await linked(
      world,
      function* (link, { links }) {
        expect(link.send(new Uint8Array(links.maxMessage + 1))).toBe('EMSGSIZE');
        link.close();
        expect([link.send(bytes(1)), link.end]).toEqual(['ENOTCONN', 'closed']);
        expect([yield* link.receive(), yield* link.room()]).toEqual(['closed', 'closed']);
        link.close();
      },
      function* (link) {
        expect(yield* drain(link)).toEqual([]);
      },
    );
  });

  it('delivers what was sent before it was closed, then says that the peer closed it', async () => {
    await linked(
      world,
      function* (link) {
        for (const value of [1, 2, 3]) link.send(bytes(value));
      },
      function* (link) {
        expect(yield* drain(link)).toEqual([1, 2, 3]);
        expect([link.end, link.send(bytes(1))]).toEqual(['closed-by-peer', 'ENOTCONN']);
      },
    );
  });

  it('says when the peer does not take its messages, and when it does again', async () => {
    const full = new Handed<number>();
    await linked(
      world,
      function* (link) {
        let sent = 0;
        // The system still moves what it has taken: until nothing moves any more.
        do while (link.send(new Uint8Array(32_768)) === undefined) sent++;
        while ((yield* link.room(1e8)) === 'room');
        // The peer's buffer, the system's, this one's: megabytes, not gigabytes.
        expect(sent).toBeLessThan(1000);
        expect(link.send(new Uint8Array(1))).toBe('EAGAIN');
        full.give(sent);
        expect(yield* link.room()).toBe('room');
        expect(link.send(bytes(1))).toBeUndefined();
        yield* link.receive();
      },
      function* (link, side) {
        const sent = yield* full.take(side);
        for (let i = 0; i < sent; i++) expect(got(yield* link.receive())).toHaveLength(32_768);
        expect(yield* link.receive()).toEqual(bytes(1));
      },
    );
  });

  it('waits no longer than it is told, and loses nothing by that', async () => {
    const late = new Handed<true>();
    await linked(
      world,
      function* (link, side) {
        yield* late.take(side);
        link.send(bytes(7));
        yield* link.receive();
      },
      function* (link) {
        expect(yield* link.receive(0)).toBe('timeout');
        expect(yield* link.receive(2e6)).toBe('timeout');
        late.give(true);
        expect(yield* link.receive()).toEqual(bytes(7));
        expect(yield* link.receive(1e6)).toBe('timeout');
      },
    );
  });

  it('carries both directions at once', async () => {
    const count = 200;
    const part = function* (link: Link): Routine<void> {
      let received = 0;
      for (let sent = 0; sent < count;) {
        if (link.send(bytes(sent)) === undefined) sent++;
        else expect(got(yield* link.receive())[0]).toBe(received++);
      }
      while (received < count) expect(got(yield* link.receive())[0]).toBe(received++);
    };
    await linked(world, part, part);
  });

  it('keeps sessions apart', async () => {
    const endpoint = new Handed<string>();
    await world.both(
      function* (side) {
        const at = yield* endpoint.take(side);
        const [one, two] = [got(yield* side.links.connect(at)) as Link, got(yield* side.links.connect(at)) as Link];
        for (let i = 0; i < 20; i++) for (const link of [two, one]) link.send(bytes(link.session));
        one.close();
        two.close();
      },
      function* (side) {
        const listener = got(yield* side.links.listen(world.endpoint())) as LinkListener;
        endpoint.give(listener.endpoint);
        for (const link of [got(yield* listener.accept()), got(yield* listener.accept())]) {
          expect(new Set(yield* drain(link))).toEqual(new Set([link.session]));
        }
      },
    );
  });

  it('has one listener at an endpoint', async () => {
    await world.both(nothing, function* ({ links }) {
      const listener = got(yield* links.listen(world.endpoint())) as LinkListener;
      expect(yield* links.listen(listener.endpoint)).toBe('EADDRINUSE');
      expect(yield* listener.accept(1e6)).toBe('timeout');
      listener.close();
      expect(yield* listener.accept()).toBe('closed');
      expect(yield* links.connect(listener.endpoint)).toBe('ECONNREFUSED');
      got(yield* links.listen(listener.endpoint)).close();
    });
  });

  it('outlives the listener that accepted it', async () => {
    await linked(
      world,
      function* (link) {
        expect(yield* link.receive()).toEqual(bytes(3));
      },
      function* (link) {
        link.send(bytes(3));
        expect(yield* drain(link)).toEqual([]);
      },
    );
  });

  it('is tried again while there is patience', async () => {
    const endpoint = new Handed<string>();
    await world.both(
      function* (side) {
        const at = yield* endpoint.take(side);
        expect(yield* side.links.connect(at)).toBe('ECONNREFUSED');
        // The patience may run out during an attempt or between two.
        expect(['ECONNREFUSED', 'ETIMEDOUT']).toContain(yield* side.links.connect(at, 2e6));
        endpoint.give('go');
        const link = got(yield* side.links.connect(at, 20e9));
        expect(yield* link.receive()).toBe('closed');
      },
      function* (side) {
        const probe = got(yield* side.links.listen(world.endpoint())) as LinkListener;
        probe.close();
        endpoint.give(probe.endpoint);
        while ((yield* endpoint.take(side)) !== 'go') {
          endpoint.give(probe.endpoint);
          yield* side.host.tasks.sleep(2e6);
        }
        const listener = got(yield* side.links.listen(probe.endpoint)) as LinkListener;
        got(yield* listener.accept()).close();
        listener.close();
      },
    );
  });

  it('is lost for both when it breaks, and the next session is a later one', async () => {
    const endpoint = new Handed<string>();
    await world.both(
      function* (side) {
        const at = yield* endpoint.take(side);
        const first = got(yield* side.links.connect(at, 20e9)) as Link;
        expect(yield* first.receive()).toEqual(bytes(1));
        world.cut();
        expect(yield* first.receive()).toBe('closed');
        expect([first.end, first.send(bytes(2))]).toEqual(['lost', 'ENOTCONN']);
        const second = got(yield* side.links.connect(at, 20e9)) as Link;
        expect(second.session).toBeGreaterThan(first.session);
        second.send(bytes(9));
        second.close();
      },
      function* ({ links }) {
        const listener = got(yield* links.listen(world.endpoint())) as LinkListener;
        world.via(listener.endpoint, (address) => endpoint.give(address));
        const first = got(yield* listener.accept()) as Link;
        first.send(bytes(1));
        expect(yield* drain(first)).toEqual([]);
        expect(first.end).toBe('lost');
        const second = got(yield* listener.accept()) as Link;
        expect(second.session).toBeGreaterThan(first.session);
        expect(yield* drain(second)).toEqual([9]);
        listener.close();
      },
    );
  });
});
