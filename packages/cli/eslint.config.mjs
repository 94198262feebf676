import { packageConfig } from '../../tools/build/eslint.mjs';

export default [
  ...packageConfig({ loaded: ['@mmu-notifier/gru', '@mmu-notifier/kvm', '@mmu-notifier/xpmem', 'uplot'] }),
  {
    // Scripts of a page: they share one global scope, in which each uses what the ones before it define.
    files: ['assets/**/*.js'],
    languageOptions: { sourceType: 'script' },
    rules: { '@typescript-eslint/no-unused-vars': ['error', { vars: 'local', argsIgnorePattern: '^_' }] },
  },
];
