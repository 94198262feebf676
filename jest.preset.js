/** Tests run from source: the custom condition leads from a package's name to its src/, in this workspace only. */
module.exports = {
  testEnvironment: 'node',
  // A test says what must hold, not how fast a machine is that does other work as well.
  testTimeout: 300_000,
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testEnvironmentOptions: { customExportConditions: ['@mmu-notifier/source', 'node', 'node-addons'] },
  transform: {
    '^.+\\.[cm]?[jt]sx?$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/out-tsc/'],
  moduleFileExtensions: ['ts', 'tsx', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'],
  passWithNoTests: true,
  collectCoverageFrom: ['<rootDir>/src/**/*.ts', '!**/*.spec.ts'],
  coverageProvider: 'v8',
};
