import { command } from '../../tools/build/tsup.mjs';

export default command({ entry: ['src/main.ts'] });
