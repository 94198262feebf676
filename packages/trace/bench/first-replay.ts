/** Prints the rate of a process's first replay: `first-replay.ts kvm|cpu`. What is compiled on the way is in it. */
import { replayRate } from './replay-rate.ts';

process.stdout.write(String(await replayRate('typed arrays', process.argv[2] === 'kvm' ? 'kvm' : 'cpu only')));
