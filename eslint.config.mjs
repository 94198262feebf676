import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Packages stand on floors, and import only from floors below (docs of the architecture: the house). */
const floors = [
  // The contract imports nothing.
  { sourceTag: 'floor:0', onlyDependOnLibsWithTags: ['floor:0'] },
  // The machine knows no driver by name.
  { sourceTag: 'floor:1', onlyDependOnLibsWithTags: ['floor:0'] },
  // A driver gets everything else from the host that it is handed.
  { sourceTag: 'floor:2', onlyDependOnLibsWithTags: ['floor:0'] },
  { sourceTag: 'floor:3', onlyDependOnLibsWithTags: ['floor:0', 'floor:1', 'floor:3'] },
  { sourceTag: 'floor:4', onlyDependOnLibsWithTags: ['floor:0', 'floor:1', 'floor:2', 'floor:3'] },
  { sourceTag: 'tools', onlyDependOnLibsWithTags: ['*'] },
];

export default tseslint.config(
  { ignores: ['**/dist', '**/out-tsc', '**/coverage', '**/temp', '**/node_modules', '.nx'] },
  ...tseslint.configs.recommended,
  prettier,
  {
    files: ['**/*.{ts,mts,cts,js,mjs,cjs}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.mjs'],
      // Imports name their file with its extension, so that Node's own rules suffice.
      'import-x/resolver-next': [importX.createNodeResolver({ extensions: ['.ts', '.mjs'] })],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      eqeqeq: 'error',
      // A routine is a generator by contract, also where it has nothing to wait for.
      'require-yield': 'off',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what is exported: what a package shows is decided here.' },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
    },
  },
  {
    files: ['**/*.{cjs,js}'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['**/src/**/*.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { allow: [], enforceBuildableLibDependency: false, depConstraints: floors },
      ],
    },
  },
);
