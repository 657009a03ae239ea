/** Policy files on a real disk: what is read, what is refused, and which changes are noticed. */
import { mkdirSync, renameSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPolicyFiles, type PolicyFilesOptions } from '../../app/policy/files.ts'
import {
  createPolicyDirectory,
  eventually,
  type PolicyDirectory,
  pause,
  publishConfigMap,
  swapConfigMap,
} from './policy-directory.ts'

const model = '[request_definition]\nr = obj, act, ctx\n'
const row = (path: string, effect = 'allow') => `p, group:ops, wiki.example.com, ${path}, read, -, ${effect}\n`

let directory: PolicyDirectory
const stops: (() => void)[] = []
beforeEach(() => {
  directory = createPolicyDirectory()
})
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  directory.destroy()
})

const source = (options: Partial<PolicyFilesOptions> = {}) =>
  createPolicyFiles({ directory: directory.path, model, settleMs: 30, pollMs: 60_000, ...options })

async function watched(options: Partial<PolicyFilesOptions> = {}) {
  const files = source(options)
  await files.load()
  let changes = 0
  stops.push(files.watch(() => changes++))
  await pause(50)
  return { files, changes: () => changes }
}

describe('a large file', () => {
  // A piece is a mebibyte, and four characters are twelve bytes: one of the twelve ends after each of their bytes.
  it.each(Array.from({ length: 12 }, (_, at) => at))(
    'is read whole, whichever byte a piece ends after: %d',
    async at => {
      const text = `${'x'.repeat(at)}${'\u{1f600}€é\uFEFF'.repeat(100_000)}`
      directory.put('a.csv', text)
      const [file] = (await source().load()).files
      expect(file?.text === text).toBe(true)
    },
  )

  it('without its byte-order mark', async () => {
    directory.put('a.csv', `\uFEFF${row('/a')}`)
    expect((await source().load()).files).toEqual([{ name: 'a.csv', text: row('/a') }])
  })

  it('is refused for half a character at its end', async () => {
    directory.put('a.csv', Buffer.concat([Buffer.alloc(1_048_575, 0x78), Buffer.from([0xe2, 0x82])]))
    await expect(source().load()).rejects.toThrow(/^a\.csv:1:1: expected text in UTF-8/)
  })
})

describe('what is read', () => {
  it('every .csv in order of name, conditions.yaml, and every .test.yaml below; nothing else', async () => {
    directory.put('b.csv', 'b')
    directory.put('a.csv', 'a')
    directory.put('Z.csv', 'z')
    directory.put('conditions.yaml', 'office: {}')
    directory.put('.hidden.csv', 'x')
    directory.put('a.csv~', 'x')
    directory.put('wiki.test.yaml', 'x')
    for (const folder of ['admin', '.git', 'node_modules']) {
      mkdirSync(join(directory.path, folder))
      directory.put(`${folder}/keys.test.yaml`, 'y')
      directory.put(`${folder}/keys.csv`, 'y')
    }
    directory.put('README.md', 'x')
    expect(await source().load()).toEqual({
      model,
      files: [
        { name: 'Z.csv', text: 'z' },
        { name: 'a.csv', text: 'a' },
        { name: 'b.csv', text: 'b' },
      ],
      conditions: { name: 'conditions.yaml', text: 'office: {}' },
      tests: [
        { name: 'admin/keys.test.yaml', text: 'y' },
        { name: 'wiki.test.yaml', text: 'x' },
      ],
    })
  })

  it('an empty directory is an empty policy', async () => {
    expect(await source().load()).toEqual({ model, files: [] })
  })

  it('a byte order mark is no part of the first row', async () => {
    directory.put('a.csv', new Uint8Array([0xef, 0xbb, 0xbf, 0x70]))
    expect((await source().load()).files).toEqual([{ name: 'a.csv', text: 'p' }])
  })

  it('a model that says the same as the built-in one may lie there', async () => {
    directory.put('model.conf', '# ours\n[request_definition]\r\n\nr  =  obj, act, ctx # as documented\n')
    expect((await source().load()).model).toBe(model)
  })
})

describe('what is refused, with the file', () => {
  it.each([
    ['a model of its own', 'model.conf', '[request_definition]\nr = sub\n', /^model\.conf:1:1: the model differs/],
    ['bytes that are no UTF-8', 'a.csv', new Uint8Array([0x70, 0xff]), /^a\.csv:1:1: expected text in UTF-8/],
    [
      'conditions.yml, which nobody would read',
      'conditions.yml',
      'x',
      /conditions\.yml:1:1: expected the name conditions\.yaml/,
    ],
    ['tests that nobody would run', 'a.test.yml', 'x', /a\.test\.yml:1:1: expected a name that ends in \.test\.yaml/],
    ['a .CSV in capitals, which nobody would read', 'deny.CSV', 'x', /deny\.CSV:1:1: expected \.csv in lower case/],
  ])('%s', async (_, name, text, message) => {
    directory.put(name, text)
    await expect(source().load()).rejects.toThrow(message)
    await expect(source().load()).rejects.toMatchObject({ name: 'PolicyError', problems: [{ line: 1, column: 1 }] })
  })

  it('a directory that is not there', async () => {
    directory.remove('')
    await expect(source().load()).rejects.toThrow(/expected a directory with policy files/)
  })

  it('a directory where a file should be', async () => {
    await expect(source({ directory: '/dev/null' }).load()).rejects.toMatchObject({ name: 'PolicyError' })
  })
})

describe('a load never sees two states at once', () => {
  it('while hundreds of files are swapped together again and again', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `${index}.csv`)
    const filesSaying = (text: string) => Object.fromEntries(names.map(name => [name, text]))
    publishConfigMap(directory.path, '..even', filesSaying('even'))
    publishConfigMap(directory.path, '..odd', filesSaying('odd'))
    const files = source({ settleMs: 5 })
    for (let round = 0; round < 10; round++) {
      const loading = files.load()
      for (let swap = 0; swap < 6; swap++) {
        swapConfigMap(directory.path, swap % 2 === 0 ? '..even' : '..odd')
        await pause(3)
      }
      const texts = await loading
      expect(texts.files).toHaveLength(names.length)
      expect(new Set(texts.files.map(file => file.text)).size).toBe(1)
    }
  })
})

describe('what is noticed', () => {
  it('a file written in place', async () => {
    directory.put('a.csv', row('/a'))
    const { changes } = await watched()
    directory.put('a.csv', row('/b'))
    await eventually(() => expect(changes()).toBe(1))
  })

  it('a file renamed over the old one, again and again', async () => {
    directory.put('a.csv', row('/a'))
    const { changes, files } = await watched()
    for (const round of [1, 2, 3]) {
      directory.renameOver('a.csv', row(`/${round}`))
      await eventually(() => expect(changes()).toBe(round))
      expect((await files.load()).files[0]?.text).toBe(row(`/${round}`))
    }
  })

  it("a ConfigMap's link swapped to another revision", async () => {
    publishConfigMap(directory.path, '..1', { 'a.csv': row('/a') })
    const { changes, files } = await watched()
    publishConfigMap(directory.path, '..2', { 'a.csv': row('/b') })
    await eventually(() => expect(changes()).toBe(1))
    expect((await files.load()).files).toEqual([{ name: 'a.csv', text: row('/b') }])
  })

  it('a file added and a file removed', async () => {
    directory.put('a.csv', row('/a'))
    const { changes } = await watched()
    directory.put('b.csv', row('/b', 'deny'))
    await eventually(() => expect(changes()).toBe(1))
    directory.remove('b.csv')
    await eventually(() => expect(changes()).toBe(2))
  })

  it('a change between the load and the start of the watch', async () => {
    directory.put('a.csv', row('/a'))
    const files = source()
    await files.load()
    directory.put('a.csv', row('/changed'))
    let changes = 0
    stops.push(files.watch(() => changes++))
    await eventually(() => expect(changes).toBe(1))
  })

  it('the directory replaced by another one, by looking, since nothing tells; from then on at once again', async () => {
    directory.put('a.csv', row('/a'))
    const { changes } = await watched({ pollMs: 1000 })
    const next = createPolicyDirectory()
    next.put('a.csv', row('/b'))
    renameSync(directory.path, `${directory.path}.old`)
    renameSync(next.path, directory.path)
    await eventually(() => expect(changes()).toBe(1))
    directory.put('a.csv', row('/c'))
    await pause(400)
    expect(changes()).toBe(2)
    next.destroy()
  })
})

describe('what nothing tells is noticed by looking', () => {
  it('the directory gone, and back', async () => {
    directory.put('a.csv', row('/a'))
    const { changes, files } = await watched({ pollMs: 50 })
    directory.remove('')
    await eventually(() => expect(changes()).toBe(1))
    await expect(files.load()).rejects.toThrow(/expected a directory/)
    await pause(100)
    mkdirSync(directory.path)
    directory.put('a.csv', row('/b'))
    await eventually(() => expect(changes()).toBe(2))
    expect((await files.load()).files[0]?.text).toBe(row('/b'))
  })
})

describe('what is not reported', () => {
  it('files that are no part of the policy', async () => {
    directory.put('a.csv', row('/a'))
    const { changes } = await watched({ pollMs: 20 })
    directory.put('.a.csv.swp', 'x')
    directory.put('4913', '')
    directory.put('README.md', 'x')
    await pause(200)
    expect(changes()).toBe(0)
  })

  it('a file that is still being written: only the end counts, once', async () => {
    directory.put('a.csv', row('/a'))
    const { changes, files } = await watched({ settleMs: 1_500 })
    for (let part = 1; part <= 8; part++) {
      await writeFile(join(directory.path, 'a.csv'), row('/a').repeat(part))
      await pause(20)
      expect(changes()).toBe(0)
    }
    await eventually(() => expect(changes()).toBe(1))
    expect((await files.load()).files[0]?.text).toBe(row('/a').repeat(8))
  })

  it('anything, once the watch is stopped', async () => {
    directory.put('a.csv', row('/a'))
    const { changes } = await watched({ pollMs: 20 })
    directory.put('a.csv', row('/b'))
    for (const stop of stops.splice(0)) stop()
    await pause(200)
    expect(changes()).toBe(0)
  })
})
