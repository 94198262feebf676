import { command } from '../../tools/build/tsup.mjs';

export default command({
  entry: { main: 'src/main.ts', 'check-worker': 'src/check/worker.ts', peer: 'src/remote/peer.ts' },
});
