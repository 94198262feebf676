import nx from '@nx/eslint-plugin';
import jsonc from 'jsonc-eslint-parser';
import root from '../../eslint.config.mjs';

/** The same schedule gives the same run, on every machine: below floor 3 there is virtual time only. */
const virtualTime = {
  files: ['src/**/*.ts'],
  ignores: ['**/*.spec.ts'],
  rules: {
    'no-restricted-globals': ['error', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Time is virtual.' },
      { object: 'Math', property: 'random', message: 'Ask host.choose, or a seeded generator.' },
    ],
  },
};

/**
 * The rules of a published package: those of the workspace, and a manifest that lists what its source imports.
 * `loaded` names dependencies that are found by name at run time, so that no import shows them.
 * `time` is virtual in the packages of floors 0 to 2.
 */
export const packageConfig = ({ loaded = [], time = 'real' } = {}) => [
  ...root,
  ...(time === 'virtual' ? [virtualTime] : []),
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
