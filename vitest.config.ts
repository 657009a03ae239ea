import { defineConfig } from 'vitest/config'
import { ClosingLine } from './tests/closing-line.ts'
import { WhatStillRuns } from './tests/what-still-runs.ts'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/patience.ts', 'tests/plain-text.ts'],
    // Tests wait for events. These only end what waits in vain, and a loaded machine may take its time.
    testTimeout: 180_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    // Real proxies, stores and browsers share the cores with the tests: more workers only make them wait for each other.
    maxWorkers: 2,
    reporters: ['default', new WhatStillRuns(), new ClosingLine()],
  },
})
