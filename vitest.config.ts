import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The call in the emulated machine takes six minutes of a core and is run by hand: MUSECAM_GUEST_CALL=1.
    exclude: ['test/bench/**', ...(process.env.MUSECAM_GUEST_CALL ? [] : ['test/plugins/v4l2/call.test.ts'])],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // CI runs on shared machines, beside others; the reporter names each test that passed only at its second try, and why.
    retry: process.env.MUSECAM_REQUIRE === 'all' ? 1 : 0,
    // Two files at once: the tests start real sound servers, browsers and engine hosts on machines of two cores.
    maxWorkers: 2,
    reporters: ['default', './test/reporter.ts'],
  },
});
