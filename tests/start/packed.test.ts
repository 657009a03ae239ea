/** What is packed runs only while it is what the files say. */
import { isAscii } from 'node:buffer'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { codeFileOf, packedModule, runPacked } from '../../app/packed.ts'
import { pack } from '../../cli/packing/pack.ts'

/** A small service: an entry, a module of its own, one that comes late, a library. */
const tree = {
  'dist/cli/program.js': [
    "export const runCli = async () => (await import('./serve.js')).runServe()",
    "export const runOther = async () => (await import('./other.js')).other",
  ].join('\n'),
  'dist/cli/other.js': "export const other = 'other'",
  'dist/cli/serve.js': [
    "import { verify } from '../app/verify.js'",
    "import { form } from 'library'",
    "import table from 'table'",
    "export const runServe = async () => [verify(), form + table['/ü'], (await import('../app/late.js')).late]",
  ].join('\n'),
  'dist/app/compose/worker.js': "export { verify as serveAsWorker } from '../verify.js'",
  'dist/app/verify.js': "export const verify = () => 'allow'",
  'dist/app/late.js': "export const late = 'late'",
  'node_modules/library/package.json':
    '{ "name": "library", "version": "1.0.0", "type": "module", "main": "index.js" }',
  'node_modules/library/index.js': "export const form = 'form – 😀'",
  'node_modules/table/package.json': '{ "name": "table", "version": "1.0.0", "main": "index.js" }',
  'node_modules/table/index.js': "module.exports = require('./table.json')",
  'node_modules/table/table.json': '{ "/ü": " é\\n" }',
}

const form = 'form – 😀 é\n'

interface Served {
  readonly runCli: () => Promise<readonly string[]>
  readonly runOther: () => Promise<string>
}

let root: string
const put = (name: string, content: string, ageSeconds = 0) => {
  const file = join(root, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  const time = Date.now() / 1000 - ageSeconds
  utimesSync(file, time, time)
}
const chosen = (name: 'program' | 'worker' = 'program') => packedModule(name, pathToFileURL(join(root, 'dist/packed/')))

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-packed-'))
  for (const [name, content] of Object.entries(tree)) put(name, content, 60)
  await pack(join(root, 'dist'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('the packed service', () => {
  test('does what its modules do, each entry for itself', async () => {
    const { runCli, runOther } = runPacked<Served>(chosen() ?? '')
    expect(await runCli()).toEqual(['allow', form, 'late'])
    await expect(runOther()).rejects.toThrow('does not run packed')
    const { serveAsWorker } = runPacked<{ serveAsWorker: () => string }>(chosen('worker') ?? '')
    expect(serveAsWorker()).toBe('allow')
  })

  const changes: readonly (readonly [string, string, string])[] = [
    ['a module that denies by now', 'dist/app/verify.js', "export const verify = () => 'deny_'"],
    ['a module that comes late', 'dist/app/late.js', "export const late = 'lost'"],
    ['the entry', 'dist/cli/program.js', 'export const runCli = async () => []'],
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

  test('is written in ASCII', () => {
    const folder = join(root, 'dist/packed')
    const files = readdirSync(folder).filter(name => name.endsWith('.cjs'))
    expect(files.length).toBeGreaterThan(2)
    expect(files.filter(name => !isAscii(readFileSync(join(folder, name))))).toEqual([])
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

describe('what V8 made of a packed file', () => {
  /** A process of its own: V8 remembers in memory what it has read there. */
  const program = `
    import { writeFileSync } from 'node:fs'
    import { codeFileOf, codeToKeep, runPacked } from ${JSON.stringify(new URL('../../dist/app/packed.js', import.meta.url).href)}
    const [, , entry, keeps] = process.argv
    const ran = []
    const { runCli } = runPacked(entry, { onRun: (...run) => ran.push(run) })
    const answer = await runCli()
    let isTaken = 'nothing kept'
    for (const [file, script, source] of ran) {
      if (source.includes('const verify')) isTaken = { false: true, true: false }[script.cachedDataRejected] ?? isTaken
      if (keeps === 'keeps') writeFileSync(codeFileOf(file), codeToKeep(script, source))
    }
    console.log(JSON.stringify({ isTaken, answer }))
  `
  /** What the service answers, and whether V8 took what was kept of the file with `verify`. */
  async function answered(keeps?: 'keeps', first = '') {
    put('run.mjs', program)
    const args = [
      '--import',
      `data:text/javascript,${encodeURIComponent(first)}`,
      join(root, 'run.mjs'),
      chosen() ?? '',
    ]
    if (keeps !== undefined) args.push(keeps)
    const { stdout } = await promisify(execFile)(process.execPath, args)
    return JSON.parse(stdout)
  }
  const answer = ['allow', form, 'late']
  const packedWithVerify = () =>
    readdirSync(join(root, 'dist/packed'))
      .map(name => join(root, 'dist/packed', name))
      .find(file => file.endsWith('.cjs') && readFileSync(file, 'utf8').includes('const verify')) ?? ''

  test('is used again', async () => {
    expect(await answered('keeps')).toEqual({ isTaken: 'nothing kept', answer })
    expect(await answered()).toEqual({ isTaken: true, answer })
  })

  test('is not used for a file of the same length', async () => {
    await answered('keeps')
    const file = packedWithVerify()
    const before = readFileSync(file, 'utf8')
    const after = before.replace('allow', 'deny_')
    expect(after).not.toBe(before)
    writeFileSync(file, after)
    expect(await answered()).toEqual({ isTaken: 'nothing kept', answer: ['deny_', form, 'late'] })
  })

  test.each([
    ['version', 'v0.0.0'],
    ['arch', 'arm64'],
    ['execPath', '/bin/sh'],
    ['config', {}],
  ])('is not used by a Node with another %s, as V8 would', async (name, value) => {
    await answered('keeps')
    const first = `Object.defineProperty(process, '${name}', { value: ${JSON.stringify(value)} })`
    expect(await answered(undefined, first)).toEqual({ isTaken: 'nothing kept', answer })
  })

  test.each<[string, boolean | string, (kept: Buffer) => Buffer]>([
    ['another V8', false, kept => Buffer.concat([kept.subarray(0, 32), Buffer.alloc(kept.length - 32)])],
    ['a build that was cut off', false, kept => kept.subarray(0, 100)],
    ['a build that was cut off at once', 'nothing kept', () => Buffer.alloc(0)],
  ])('of %s is not used', async (_what, isTaken, damaged) => {
    await answered('keeps')
    const file = codeFileOf(packedWithVerify())
    writeFileSync(file, damaged(readFileSync(file)))
    expect(await answered()).toEqual({ isTaken, answer })
  })

  test('is there for every file of this checkout, and for this Node', () => {
    const folder = new URL('../../dist/packed/', import.meta.url)
    const names = readdirSync(folder)
    const packed = names.filter(name => name.endsWith('.cjs'))
    expect(packed.length).toBeGreaterThan(20)
    expect(packed.filter(name => !names.includes(codeFileOf(name)))).toEqual([])
  })
})
