/** The sink's faults, in the order in which a kernel would hand them out. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createLineFile, type LineFile } from '../../app/audit/line-file.ts'
import { temporaryFolder } from './fixtures.ts'

type Write = typeof import('node:fs').write
type Step = 'whole' | 'slow' | 'EAGAIN' | 'ENOSPC' | number

const kernel = vi.hoisted(() => ({ steps: [] as Step[] }))

vi.mock('node:fs', async importActual => {
  const actual = await importActual<typeof import('node:fs')>()
  const write = (descriptor: number, bytes: Uint8Array, done: (error: Error | null, written: number) => void) => {
    const step = kernel.steps.shift() ?? 'whole'
    if (step === 'EAGAIN' || step === 'ENOSPC') setImmediate(done, Object.assign(new Error(step), { code: step }), 0)
    else if (step === 'slow') setTimeout(() => actual.write(descriptor, bytes, done), 50)
    else actual.write(descriptor, step === 'whole' ? bytes : bytes.subarray(0, step), done)
  }
  return { ...actual, write: write as unknown as Write }
})

let folder: ReturnType<typeof temporaryFolder>
let errors: unknown[]
let file: LineFile
let isOpen: boolean

beforeEach(() => {
  folder = temporaryFolder()
  errors = []
  kernel.steps = []
  isOpen = true
  file = createLineFile({
    destination: folder.path('lines'),
    batchMs: 60_000,
    maxPendingBytes: 1_000,
    onWritten: () => undefined,
    onError: error => errors.push(error),
  })
})

afterEach(async () => {
  kernel.steps = []
  if (isOpen) await file.close()
  folder.remove()
})

describe('a line file', () => {
  test('continues a line where the kernel stopped', async () => {
    kernel.steps = [2, 1, 'whole']
    file.append('alice\n')
    await file.flush()
    expect(folder.textOf('lines')).toBe('alice\n')
    expect(errors).toEqual([])
  })

  test('waits for a slow reader without calling it a failure', async () => {
    kernel.steps = ['EAGAIN', 3, 'EAGAIN', 'whole']
    file.append('alice\n')
    await file.flush()
    expect(folder.textOf('lines')).toBe('alice\n')
    expect(errors).toEqual([])
  })

  test('calls a reader that takes nothing for a second a failure', async () => {
    kernel.steps = Array(200).fill('EAGAIN')
    file.append('alice\n')
    await file.flush()
    expect(errors).toMatchObject([{ code: 'EAGAIN' }])
  })

  test('after a failure continues the very line, and tries again by itself', async () => {
    kernel.steps = [3, 'ENOSPC']
    file.append('alice\n')
    await file.flush()
    expect(folder.textOf('lines')).toBe('ali')
    expect([file.pendingLines(), file.pendingBytes()]).toEqual([1, 6])
    file.append('bob\n')
    await expect.poll(() => folder.textOf('lines')).toBe('alice\nbob\n')
    expect(errors).toMatchObject([{ code: 'ENOSPC' }])
    // The bytes are in the file a moment before the write has called back.
    await expect.poll(() => [file.pendingLines(), file.pendingBytes()]).toEqual([0, 0])
  })

  test('writes a torn line as a whole to the file that a rotation opened', async () => {
    kernel.steps = ['whole', 8, 'ENOSPC']
    file.append('zero\n')
    await file.flush()
    file.append('alice\n')
    file.append('bob\n')
    await file.flush()
    const { renameSync } = await import('node:fs')
    renameSync(folder.path('lines'), folder.path('old'))
    await file.reopen()
    await file.flush()
    expect(folder.textOf('old')).toBe('zero\nalice\nbo')
    expect(folder.textOf('lines')).toBe('bob\n')
  })

  test('a rotation waits for the write that is under way', async () => {
    kernel.steps = ['slow']
    file.append('alice\n')
    const flushed = file.flush()
    await vi.waitUntil(() => kernel.steps.length === 0)
    await file.reopen()
    await flushed
    expect(folder.textOf('lines')).toBe('alice\n')
    expect(errors).toEqual([])
  })

  test('refuses a line when too much waits, and takes lines again when it is written', async () => {
    expect(file.append(`${'a'.repeat(998)}\n`)).toBe(true)
    expect(file.append('b\n')).toBe(false)
    await file.flush()
    expect(file.append('b\n')).toBe(true)
  })

  test('close tells how many lines are lost', async () => {
    kernel.steps = ['ENOSPC']
    file.append('alice\n')
    file.append('bob\n')
    isOpen = false
    expect(await file.close()).toBe(2)
    expect(file.append('carol\n')).toBe(false)
  })
})

describe('a line file that is shared', () => {
  beforeEach(async () => {
    await file.close()
    file = createLineFile({
      destination: folder.path('lines'),
      isShared: true,
      batchMs: 60_000,
      maxPendingBytes: 1_000,
      onWritten: () => undefined,
      onError: error => errors.push(error),
    })
  })

  test('writes a torn line anew, after a line feed, because others may have written in between', async () => {
    kernel.steps = [8, 'whole']
    file.append('alice\n')
    file.append('bob\n')
    await file.flush()
    expect(folder.textOf('lines')).toBe('alice\nbo\nbob\n')
    expect(errors).toEqual([])
  })

  test('does not count the line feed that it put in front, not even when that was all that was written', async () => {
    kernel.steps = [2, 1, 3, 'ENOSPC']
    file.append('alice\n')
    file.append('bob\n')
    await file.flush()
    expect(folder.textOf('lines')).toBe('al\nali')
    expect(errors).toMatchObject([{ code: 'ENOSPC' }])
    await file.flush()
    expect(folder.textOf('lines')).toBe('al\nali\nalice\nbob\n')
  })
})
