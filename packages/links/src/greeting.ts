/** Runs a handshake on a socket: what comes out is a link, or the reason why there is none. */
import type { Socket } from 'node:net';
import type { Context } from './context.ts';
import type { Fault } from './counters.ts';
import { FrameReader, MAX_FRAME } from './frame.ts';
import { type Handshake, refusal } from './handshake.ts';
import { SocketLink } from './socket-link.ts';

/**
 * @param who - The peer in log lines.
 * @param done - Called once, unless it is called off.
 * @returns what calls it off.
 */
export function greet(
  context: Context,
  socket: Socket,
  handshake: Handshake,
  who: string,
  done: (result: SocketLink | Fault) => void,
): () => void {
  let link: SocketLink | undefined;
  let over = false;
  const end = (): void => {
    over = true;
    context.underWay.delete(callOff);
    off();
  };
  const callOff = (): void => {
    end();
    socket.destroy();
  };
  const refuse = (fault: Fault, byPeer: boolean): void => {
    if (over) return;
    reader.stop();
    context.counters.fault(fault, byPeer ? `${who} turned this node away` : `${who} is turned away`);
    if (!byPeer && fault !== 'truncated' && fault !== 'slow') socket.write(refusal(fault));
    socket.end(() => socket.destroy());
    end();
    done(fault);
  };
  const reader = new FrameReader(
    (bytes) => {
      if (link !== undefined) return link.take(bytes);
      const { send, session, fault, refusedByPeer } = handshake.step(bytes);
      if (fault !== undefined) return refuse(fault, refusedByPeer === true);
      if (send !== undefined) socket.write(send);
      if (session === undefined) return;
      reader.limit = MAX_FRAME;
      context.joinSession(session.session);
      link = new SocketLink(context, socket, reader, session);
      end();
      done(link);
    },
    (fault) => (link === undefined ? refuse(fault, false) : link.drop(fault)),
  );
  const off = context.settings.timers.after(context.settings.handshakeTimeout, () => refuse('slow', false));
  socket.on('data', (chunk: Buffer) => reader.push(chunk));
  socket.once('end', () => refuse('truncated', false));
  socket.once('close', () => refuse('truncated', false));
  context.underWay.add(callOff);
  return callOff;
}
