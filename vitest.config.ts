import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The call in the emulated machine takes six minutes of a core and is run by hand: MUSECAM_GUEST_CALL=1.
    exclude: ['test/bench/**', ...(process.env.MUSECAM_GUEST_CALL ? [] : ['test/plugins/v4l2/call.test.ts'])],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two files at once: the tests start real sound servers, browsers and engine hosts on machines of two cores.
    maxWorkers: 2,
    reporters: ['default', './test/reporter.ts'],
  },
});
