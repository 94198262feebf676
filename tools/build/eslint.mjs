import nx from '@nx/eslint-plugin';
import jsonc from 'jsonc-eslint-parser';
import root from '../../eslint.config.mjs';

/**
 * The rules of a published package: those of the workspace, and a manifest that lists what its source imports.
 * `loaded` names dependencies that are found by name at run time, so that no import shows them.
 */
export const packageConfig = ({ loaded = [] } = {}) => [
  ...root,
  {
    files: ['**/package.json'],
    languageOptions: { parser: jsonc },
    plugins: { '@nx': nx },
    rules: {
      '@nx/dependency-checks': [
        'error',
        {
          ignoredDependencies: loaded,
          ignoredFiles: [
            '{projectRoot}/**/*.spec.ts',
            '{projectRoot}/test/**/*',
            '{projectRoot}/bench/**/*',
            '{projectRoot}/*.config.{ts,cjs,mjs}',
          ],
        },
      ],
    },
  },
];
