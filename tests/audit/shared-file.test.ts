/** Several processes append to one audit file: every line whole, whatever happens to a write. */
import { spawn } from 'node:child_process'
import { appendFileSync, statSync } from 'node:fs'
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

function startWriter(name: string, lines: number) {
  const args = ['--import', loader, writer, folder.path('audit'), name, String(lines)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  return { child, ended: new Promise<number | null>(resolve => child.once('exit', resolve)) }
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
    const writers = names.map(name => startWriter(name, 2_000))
    expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0, 0, 0])
    const lines = folder.linesOf('audit') as unknown as Line[]
    expect(lines).toHaveLength(8_000)
    const expected = Array.from({ length: 2_000 }, (_, number) => number)
    for (const name of names) {
      expect(lines.filter(line => line.name === name).map(({ number }) => number)).toEqual(expected)
    }
    const turns = lines.filter((line, index) => line.name !== lines[index - 1]?.name)
    expect(turns.length, 'the writers took turns').toBeGreaterThan(10)
  }, 60_000)

  it('loses no line of another when one is killed in the middle of its work', async () => {
    const victim = startWriter('mallory', 1_000_000)
    const survivor = startWriter('alice', 3_000)
    await expect.poll(() => statSync(folder.path('audit')).size, { timeout: 10_000 }).toBeGreaterThan(100_000)
    await delay(50)
    victim.child.kill('SIGKILL')
    expect(await survivor.ended).toBe(0)
    const whole = folder
      .textOf('audit')
      .split('\n')
      .filter(line => line.startsWith('{"name":"alice"') && line.endsWith('"}'))
    expect(whole.map(line => (JSON.parse(line) as Line).number)).toEqual(Array.from({ length: 3_000 }, (_, n) => n))
  }, 60_000)

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

  it('is no pipe: lines longer than a page would mingle there', async () => {
    await new Promise(resolve => spawn('mkfifo', [folder.path('audit')]).once('exit', resolve))
    // A writer opens a pipe only when somebody reads it.
    const reader = spawn('cat', [folder.path('audit')], { stdio: 'ignore' })
    expect(open).toThrow(/is a pipe/)
    reader.kill()
  })
})
