import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two files at once: the tests start real sound servers, browsers and engine hosts on machines of two cores.
    maxWorkers: 2,
    reporters: ['default', './test/reporter.ts'],
  },
});
