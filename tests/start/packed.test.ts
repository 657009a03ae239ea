/** What is packed runs only while it is what the files say. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { packedModule } from '../../app/packed.ts'
import { pack } from '../../cli/packing/pack.ts'

/** A small service: an entry, a module of its own, one that comes late, a library. */
const tree = {
  'dist/cli/serve.js': [
    "import { verify } from '../app/verify.js'",
    "import { form } from 'library'",
    "export const runServe = async () => [verify(), form, (await import('../app/late.js')).late]",
  ].join('\n'),
  'dist/app/compose/worker.js': "export { verify as serveAsWorker } from '../verify.js'",
  'dist/app/verify.js': "export const verify = () => 'allow'",
  'dist/app/late.js': "export const late = 'late'",
  'node_modules/library/package.json':
    '{ "name": "library", "version": "1.0.0", "type": "module", "main": "index.js" }',
  'node_modules/library/index.js': "export const form = 'form'",
}

let root: string
const put = (name: string, content: string, ageSeconds = 0) => {
  const file = join(root, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  const time = Date.now() / 1000 - ageSeconds
  utimesSync(file, time, time)
}
const chosen = (name: 'serve' | 'worker' = 'serve') => packedModule(name, pathToFileURL(join(root, 'dist/packed/')))

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-packed-'))
  for (const [name, content] of Object.entries(tree)) put(name, content, 60)
  await pack(join(root, 'dist'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('the packed service', () => {
  test('does what its modules do, each entry for itself', async () => {
    const { runServe } = await import(chosen() ?? '')
    expect(await runServe()).toEqual(['allow', 'form', 'late'])
    const { serveAsWorker } = await import(chosen('worker') ?? '')
    expect(serveAsWorker()).toBe('allow')
  })

  const changes: readonly (readonly [string, string, string])[] = [
    ['a module that denies by now', 'dist/app/verify.js', "export const verify = () => 'deny_'"],
    ['a module that comes late', 'dist/app/late.js', "export const late = 'lost'"],
    ['the entry', 'dist/cli/serve.js', 'export const runServe = async () => []'],
    [
      'a library by its next release',
      'node_modules/library/package.json',
      tree['node_modules/library/package.json'].replace('1.0.0', '1.0.1'),
    ],
  ]
  test.each(changes)('does not run after a change of %s', (_what, name, content) => {
    expect(chosen()).toBeDefined()
    put(name, content, -5)
    expect(chosen()).toBeUndefined()
    expect(chosen('worker')).toBeUndefined()
  })

  test('does not run when a file has gone', () => {
    rmSync(join(root, 'dist/app/late.js'))
    expect(chosen()).toBeUndefined()
  })

  test('does not run when the packing did not come to its end', () => {
    rmSync(join(root, 'dist/packed/made-of.json'))
    expect(chosen()).toBeUndefined()
  })

  test('runs as a copy, whose files are of another time', () => {
    for (const [name, content] of Object.entries(tree)) put(name, content, -5)
    expect(chosen()).toBeDefined()
  })

  test('is made of the files of this checkout and of no other', () => {
    const list = new URL('../../dist/packed/made-of.json', import.meta.url)
    const files = Object.keys(JSON.parse(readFileSync(list, 'utf8')))
    expect(files).toContain('../app/verify.js')
    expect(files).toContain('../../node_modules/jose/package.json')
    expect(
      files.filter(file => !/^\.\.\/(?:app|cli|config|rbac|spelling)\/|^\.\.\/\.\.\/node_modules\//.test(file)),
    ).toEqual([])
  })
})
