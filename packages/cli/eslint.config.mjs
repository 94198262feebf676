import { packageConfig } from '../../tools/build/eslint.mjs';

export default packageConfig({ loaded: ['@mmu-notifier/kvm'] });
