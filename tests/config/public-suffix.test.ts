/** What the Public Suffix List says, and that to set it up brings V8's great compiler into no small service. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { isOwned, isPublicSuffix, isSuffix } from '../../config/checks/public-suffix.ts'

describe('a name is held against the Public Suffix List', () => {
  test.each([
    ['co.uk', { isPublicSuffix: true, isOwned: false, isSuffix: true }],
    ['github.io', { isPublicSuffix: true, isOwned: false, isSuffix: true }],
    ['example.co.uk', { isPublicSuffix: false, isOwned: true, isSuffix: false }],
    ['auth.example.com', { isPublicSuffix: false, isOwned: true, isSuffix: false }],
    ['internal', { isPublicSuffix: false, isOwned: false, isSuffix: true }],
    ['127.0.0.1', { isPublicSuffix: false, isOwned: false, isSuffix: false }],
  ])('%s', (host, expected) => {
    expect({ isPublicSuffix: isPublicSuffix(host), isOwned: isOwned(host), isSuffix: isSuffix(host) }).toEqual(expected)
  })

  test('and its loop is run as it stands', async () => {
    const module = new URL('../../dist/config/checks/public-suffix.js', import.meta.url)
    const program = `import(${JSON.stringify(module)}).then(({ isPublicSuffix }) => console.log(isPublicSuffix('github.io')))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--trace-opt', '--eval', program])
    expect(stdout).toMatch(/^true$/m)
    expect(stdout.split('\n').filter(line => /TURBOFAN.*OSR/.test(line))).toEqual([])
  })
})
