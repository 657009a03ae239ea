/** What the command says to options that it cannot use: a run of no case would be one without a finding. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('npm run fuzz refuses a run of no case', () => {
  const args = ['--import', './tests/typescript-loader.mjs', 'tests/fuzz/main.ts', 'built-in', '--count', '0']
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  expect([status, stderr]).toEqual([2, expect.stringContaining('usage: npm run fuzz')])
})
