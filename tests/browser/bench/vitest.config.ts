import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The limit that counts is the job's own.
  test: { include: ['bench/**/*.bench.ts'], testTimeout: 0, hookTimeout: 120_000 },
});
