import { defineConfig } from 'vitest/config';

// One file at a time: the specs measure how soon things end, and every one runs a model.
export default defineConfig({
  test: {
    include: ['specs/**/*.spec.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
  },
});
