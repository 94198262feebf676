import { library } from '../../tools/build/tsup.mjs';

// The worker is started by its file's name, beside the index; CommonJS has to find out where that is.
export default library({ entry: { index: 'src/index.ts', worker: 'src/blocking/worker.ts' }, shims: true });
