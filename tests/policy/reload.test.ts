/** The policy in force: refused at start, kept when the next one is broken, swapped whole (H05). */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPolicyFiles } from '../../app/policy/files.ts'
import type { PolicySource, PolicyTexts } from '../../app/policy/policy-source.ts'
import { createPolicyReloader, type PolicyReloader } from '../../app/policy/reload.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import { createPolicyDirectory, eventually, type PolicyDirectory } from './policy-directory.ts'

interface Snapshot {
  readonly revision: string
  readonly rows: readonly string[]
}

/** Stands for the compiler: a row that says `broken` is refused, and the revision is the text itself. */
async function compile(texts: PolicyTexts): Promise<Snapshot> {
  const problems = texts.files.flatMap(({ name, text }) =>
    text
      .split('\n')
      .flatMap((row, index) =>
        row.includes('broken') ? [{ file: name, line: index + 1, column: 1, message: 'expected a row' }] : [],
      ),
  )
  if (problems.length > 0) throw new PolicyError(problems)
  const rows = texts.files.map(file => file.text)
  return { revision: rows.join('|'), rows }
}

let directory: PolicyDirectory
let now: number
let events: string[]
const open: PolicyReloader<Snapshot>[] = []
beforeEach(() => {
  directory = createPolicyDirectory()
  now = 1_000
  events = []
})
afterEach(async () => {
  for (const reloader of open.splice(0)) await reloader.close()
  directory.destroy()
})

function create(source: PolicySource, watch: boolean, by = compile): PolicyReloader<Snapshot> {
  const reloader = createPolicyReloader({
    source,
    compile: by,
    clock: { now: () => now },
    watch,
    onLoaded: snapshot => events.push(`loaded ${snapshot.revision}`),
    onRejected: error => events.push(`rejected ${error.message}`),
  })
  open.push(reloader)
  return reloader
}

const onDisk = (watch = true) =>
  create(createPolicyFiles({ directory: directory.path, model: '', settleMs: 20, pollMs: 60_000 }), watch)

describe('at start', () => {
  it('a broken policy refuses the start, with file and line', async () => {
    directory.put('a.csv', 'good\nbroken')
    const reloader = onDisk()
    await expect(reloader.start()).rejects.toThrow('a.csv:2:1: expected a row')
    expect(() => reloader.current()).toThrow(expect.objectContaining({ code: 'ERR_POLICY_UNAVAILABLE' }))
    expect(() => reloader.status()).toThrow(expect.objectContaining({ code: 'ERR_POLICY_UNAVAILABLE' }))
    expect(events).toEqual([])
  })

  it('a missing directory refuses the start', async () => {
    directory.remove('')
    await expect(onDisk().start()).rejects.toMatchObject({ name: 'PolicyError' })
  })

  it('a good policy is in force when the start has resolved', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk()
    await reloader.start()
    expect(reloader.current().revision).toBe('one')
    expect(reloader.status()).toEqual({ revision: 'one', loadedAt: 1_000 })
    expect(events).toEqual(['loaded one'])
  })
})

describe('H05: a later change', () => {
  it('is in force by itself; broken, it changes nothing and says why; mended, it is in force', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk()
    await reloader.start()
    const first = reloader.current()

    now = 2_000
    directory.renameOver('a.csv', 'two\nbroken')
    await eventually(() => expect(reloader.status().lastError).toBe('a.csv:2:1: expected a row'))
    expect(reloader.current()).toBe(first)
    expect(reloader.status()).toMatchObject({ revision: 'one', loadedAt: 1_000 })

    now = 3_000
    directory.renameOver('a.csv', 'two')
    await eventually(() => expect(reloader.status()).toEqual({ revision: 'two', loadedAt: 3_000 }))
    expect(events).toEqual(['loaded one', 'rejected a.csv:2:1: expected a row', 'loaded two'])
  })

  it('that is taken back clears the reason, and the revision in force stays the same object', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk(false)
    await reloader.start()
    const first = reloader.current()
    directory.put('a.csv', 'broken')
    expect(await reloader.reload()).toBe('rejected')
    now = 2_000
    directory.put('a.csv', 'one')
    expect(await reloader.reload()).toBe('unchanged')
    expect(reloader.status()).toEqual({ revision: 'one', loadedAt: 1_000 })
    expect(reloader.current()).toBe(first)
    expect(events.at(-1)).toBe('loaded one')
  })

  it('that removes the directory keeps the last good policy', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk(false)
    await reloader.start()
    directory.remove('')
    expect(await reloader.reload()).toBe('rejected')
    expect(reloader.current().revision).toBe('one')
    expect(reloader.status().lastError).toContain('expected a directory with policy files')
  })

  it('waits for reload() when watching is switched off', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk(false)
    await reloader.start()
    directory.put('a.csv', 'two')
    expect(await reloader.reload()).toBe('loaded')
    expect(await reloader.reload()).toBe('unchanged')
    expect(events).toEqual(['loaded one', 'loaded two'])
  })
})

describe('loads that overlap', () => {
  /** A source whose loads end when the test says so. */
  function createHeldSource() {
    const waiting: (() => void)[] = []
    let text = 'one'
    const source: PolicySource = {
      load: () => {
        const files = [{ name: 'a.csv', text }]
        return new Promise(resolve => waiting.push(() => resolve({ model: '', files })))
      },
      watch: () => () => {},
    }
    const release = async () => {
      await eventually(() => expect(waiting).not.toEqual([]))
      waiting.shift()?.()
    }
    return { source, release, waiting, write: (next: string) => (text = next) }
  }

  it('a call during a load gets a state that is not older than the call, by one more load for all callers', async () => {
    const held = createHeldSource()
    const reloader = create(held.source, false)
    const started = reloader.start()
    await held.release()
    await started

    const early = reloader.reload()
    await eventually(() => expect(held.waiting).toHaveLength(1))
    held.write('two')
    const late = [reloader.reload(), reloader.reload(), reloader.reload()]
    await held.release()
    expect(await early).toBe('unchanged')
    await held.release()
    expect(await Promise.all(late)).toEqual(['loaded', 'loaded', 'loaded'])
    expect(held.waiting).toEqual([])
    expect(reloader.current().revision).toBe('two')
  })

  it('readers see the old revision whole until the new one is whole', async () => {
    const held = createHeldSource()
    const reloader = create(held.source, false)
    const started = reloader.start()
    await held.release()
    await started
    held.write('two')
    const reloading = reloader.reload()
    expect(reloader.current()).toEqual({ revision: 'one', rows: ['one'] })
    await held.release()
    await reloading
    expect(reloader.current()).toEqual({ revision: 'two', rows: ['two'] })
  })

  it('close waits for the load under way', async () => {
    const held = createHeldSource()
    const reloader = create(held.source, false)
    const started = reloader.start()
    await held.release()
    await started
    void reloader.reload()
    let isClosed = false
    const closing = reloader.close().then(() => {
      isClosed = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(isClosed).toBe(false)
    await held.release()
    await closing
  })

  it('a load that was asked for before the start has resolved fails, and the next one works', async () => {
    directory.put('a.csv', 'one')
    const reloader = onDisk(false)
    await expect(reloader.reload()).rejects.toMatchObject({ code: 'ERR_POLICY_UNAVAILABLE' })
    await reloader.start()
    expect(await reloader.reload()).toBe('unchanged')
  })
})
