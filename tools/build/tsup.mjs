import { defineConfig } from 'tsup';

/** A library: ES modules and CommonJS, with types for both. */
export const library = (options) =>
  defineConfig({
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    sourcemap: true,
    clean: true,
    splitting: true,
    tsconfig: 'tsconfig.lib.json',
    // tsup sets baseUrl, which TypeScript 6 deprecates; types of other packages come from their dist, not their source.
    dts: { compilerOptions: { composite: false, ignoreDeprecations: '6.0', customConditions: [] } },
    ...options,
  });

/** A command: ES modules only, no types. Nobody imports it. */
export const command = (options) => library({ format: ['esm'], dts: false, ...options });
