/** Several processes append to one audit file: every line whole, whatever happens to a write. */
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLineFile, type LineFile } from '../../app/audit/line-file.ts'
import { temporaryFolder } from './fixtures.ts'

const loader = fileURLToPath(new URL('../typescript-loader.mjs', import.meta.url))
const writer = fileURLToPath(new URL('./writer-process.ts', import.meta.url))

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

interface Line {
  readonly name: string
  readonly number: number
}

/** `written`: how many lines it wrote by its own account. */
function startWriter(name: string, lines: number, ...until: string[]) {
  const args = ['--import', loader, writer, folder.path('audit'), name, String(lines), ...until]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  return { name, child, ended, written: text(child.stdout).then(Number) }
}

/** How often the file passes from one writer to another. The last line may not be whole yet. */
function countTurns(): number {
  if (!existsSync(folder.path('audit'))) return 0
  const names = folder
    .textOf('audit')
    .split('\n')
    .slice(0, -1)
    .map(line => line.slice(0, line.indexOf(',')))
  return names.filter((name, index) => index > 0 && name !== names[index - 1]).length
}

function open(): LineFile {
  return createLineFile({
    destination: folder.path('audit'),
    isShared: true,
    batchMs: 60_000,
    maxPendingBytes: 1_000,
    onWritten: () => undefined,
    onError: () => undefined,
  })
}

describe('a file that several processes append to', () => {
  it('holds every line of each of them, whole and in the order of its writer', async () => {
    const names = ['alice', 'bob', 'carol', 'mallory']
    // A busy machine may run one after the other for a while: they go on until they have met, for 60 MB each at most.
    const writers = names.map(name => startWriter(name, 2_000, folder.path('enough'), '20000'))
    const ended = Promise.all(writers.map(writer => writer.ended))
    await Promise.race([ended, expect.poll(countTurns, { interval: 200 }).toBeGreaterThan(10)])
    writeFileSync(folder.path('enough'), '')
    expect(await ended).toEqual([0, 0, 0, 0])
    expect(countTurns(), 'the writers took turns').toBeGreaterThan(10)
    // An empty line stands where the kernel held up a write for longer than another waited for the rest of the line.
    const whole = folder.textOf('audit').split('\n').filter(Boolean)
    const lines = whole.map(line => JSON.parse(line) as Line)
    for (const { name, written } of writers) {
      const expected = Array.from({ length: await written }, (_, number) => number)
      expect(expected.length).toBeGreaterThanOrEqual(2_000)
      expect(lines.filter(line => line.name === name).map(({ number }) => number)).toEqual(expected)
    }
  })

  it('loses no line of another when one is killed in the middle of its work', async () => {
    const victim = startWriter('mallory', 1_000_000)
    const survivor = startWriter('alice', 3_000)
    await expect.poll(() => statSync(folder.path('audit')).size).toBeGreaterThan(100_000)
    await delay(50)
    victim.child.kill('SIGKILL')
    expect(await survivor.ended).toBe(0)
    const whole = folder
      .textOf('audit')
      .split('\n')
      .filter(line => line.startsWith('{"name":"alice"') && line.endsWith('"}'))
    expect(whole.map(line => (JSON.parse(line) as Line).number)).toEqual(Array.from({ length: 3_000 }, (_, n) => n))
  })

  it('gets a line feed first where another left half a line', async () => {
    const file = open()
    file.append('alice\n')
    await file.flush()
    appendFileSync(folder.path('audit'), 'mall')
    file.append('bob\n')
    await file.flush()
    file.append('carol\n')
    await file.close()
    expect(folder.textOf('audit')).toBe('alice\nmall\nbob\ncarol\n')
  })

  it('gets none where another is still writing its line', async () => {
    const path = folder.path('audit')
    appendFileSync(path, 'mall')
    const file = open()
    file.append('bob\n')
    const flushed = file.flush()
    setTimeout(() => appendFileSync(path, 'ory\n'), 10)
    await flushed
    await file.close()
    expect(folder.textOf('audit')).toBe('mallory\nbob\n')
  })

  it('is no pipe: lines longer than a page would mingle there', async () => {
    await new Promise(resolve => spawn('mkfifo', [folder.path('audit')]).once('exit', resolve))
    // A writer opens a pipe only when somebody reads it.
    const reader = spawn('cat', [folder.path('audit')], { stdio: 'ignore' })
    expect(open).toThrow(/is a pipe/)
    reader.kill()
  })
})
