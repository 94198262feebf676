/** The drivers of this house keep the contract. */
import { gru } from '@mmu-notifier/gru';
import { kvm } from '@mmu-notifier/kvm';
import { xpmem } from '@mmu-notifier/xpmem';
import { conformance } from '../src/index.ts';

const options = { maxRuns: 30, auditRuns: 2 };

conformance(() => kvm(), options);
describe('with shadow paging', () => conformance(() => kvm({ mode: 'shadow' }), options));
conformance(() => gru(), options);
conformance(() => xpmem(), options);
