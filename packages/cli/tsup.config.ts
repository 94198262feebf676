import { command } from '../../tools/build/tsup.mjs';

export default command({ entry: { main: 'src/main.ts', peer: 'src/remote/peer.ts' } });
