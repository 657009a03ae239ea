/** Lines of several workers on one stream: whole, also when its reader is slow. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLineOutput } from '../../app/workers/output.ts'
import { temporaryFolder } from '../audit/fixtures.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

describe('what workers print', () => {
  it('is passed on line by line, whatever the pieces, and half a last line gets its end', async () => {
    const descriptor = openSync(folder.path('out'), 'a')
    const output = createLineOutput(descriptor)
    const [one, two] = [new PassThrough(), new PassThrough()]
    const passed = Promise.all([output.pass(one), output.pass(two)])
    for (const piece of ['ali', 'ce 1\nalice', ' 2\nali']) {
      one.write(piece)
      two.write('bob\nb')
      await new Promise(resolve => setImmediate(resolve))
      two.write('ob\n')
    }
    one.end('ce 3')
    two.end()
    await passed
    closeSync(descriptor)
    const lines = folder.textOf('out').split('\n')
    expect(lines.filter(line => line.startsWith('alice'))).toEqual(['alice 1', 'alice 2', 'alice 3'])
    expect(lines.filter(line => line.startsWith('bob'))).toHaveLength(6)
    expect(lines).toHaveLength(10)
  })

  it('waits for a reader that is slow', async () => {
    await new Promise(resolve => spawn('mkfifo', [folder.path('pipe')]).once('exit', resolve))
    const script = `sleep 0.3; head -c 300000 "${folder.path('pipe')}" > "${folder.path('read')}"`
    const reader = spawn('sh', ['-c', script])
    const descriptor = openSync(folder.path('pipe'), 'r+')
    const output = createLineOutput(descriptor)
    const stream = new PassThrough()
    const passed = output.pass(stream)
    const line = `${'x'.repeat(999)}\n`
    for (let index = 0; index < 300; index += 1) stream.write(line)
    await new Promise(resolve => reader.once('exit', resolve))
    expect(readFileSync(folder.path('read'), 'utf8')).toBe(line.repeat(300))
    stream.end()
    await passed
    closeSync(descriptor)
  })

  it('is nobody`s when the reader has gone: the worker is to notice', async () => {
    await new Promise(resolve => spawn('mkfifo', [folder.path('pipe')]).once('exit', resolve))
    const reader = spawn('cat', [folder.path('pipe')], { stdio: 'ignore' })
    // Waits until the reader is there; not in place, where no limit of a test could end it.
    const writer = await open(folder.path('pipe'), 'w')
    reader.kill()
    await new Promise(resolve => reader.once('exit', resolve))
    const stream = new PassThrough()
    const passed = createLineOutput(writer.fd).pass(stream)
    stream.write('alice\n')
    await passed
    expect(stream.destroyed).toBe(true)
    await writer.close()
  })
})
