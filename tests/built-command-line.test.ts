import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtCommandLine } from './built-command-line.ts'

test('without a build the sentence says what to do', () => {
  const empty = mkdtempSync(join(tmpdir(), 'sallyport-unbuilt-'))
  expect(() => builtCommandLine(empty)).toThrow('run npm run build first')
  rmSync(empty, { recursive: true })
})
