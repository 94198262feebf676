import { packageConfig } from '../../tools/build/eslint.mjs';

// Real sockets, real time: only live machines have a transport.
export default packageConfig();
