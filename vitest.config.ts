import { defineConfig } from 'vitest/config'
import { ClosingLine } from './tests/closing-line.ts'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // Real proxies, stores and browsers share the cores with the tests: more workers only make them wait for each other.
    maxWorkers: 2,
    reporters: ['default', new ClosingLine()],
  },
})
