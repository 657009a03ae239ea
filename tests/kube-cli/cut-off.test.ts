/** Whoever reads what a command prints, and goes away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtCommandLine } from '../built-command-line.ts'

const program = builtCommandLine()
const manifests = join(import.meta.dirname, '../reach/clusters/storage-driver.yml')

let policy: string
beforeAll(() => {
  policy = mkdtempSync(join(tmpdir(), 'sallyport-cut-off-'))
  const rows = Array.from(
    { length: 3_000 },
    (_, at) => `p, authenticated, wiki.example.com, /page-${at}, GET, -, allow\n`,
  )
  writeFileSync(join(policy, 'rows.csv'), rows.join(''))
})
afterAll(() => rmSync(policy, { recursive: true, force: true }))

type Gone = 'output' | 'errors'

/** `atOnce`: before anything is said; else after the first that was. */
async function run(args: readonly string[], gone: readonly Gone[], atOnce = true) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { output: '', errors: '' }
  for (const [name, stream] of [['output', child.stdout] as const, ['errors', child.stderr] as const]) {
    if (gone.includes(name) && atOnce) stream.destroy()
    stream.setEncoding('utf8').on('data', (text: string) => {
      said[name] += text
      if (gone.includes(name)) stream.destroy()
    })
  }
  const [code, signal] = await once(child, 'close')
  return { code, signal, ...said }
}

describe('a command whose reader has gone', () => {
  const big = () => ['policy', 'access', '--as', 'alice', '--policy', policy, '--json']

  it.each<[string, () => readonly string[]]>([
    ['a review', () => ['kube', 'review', '--from', manifests, '--json']],
    ['an example', () => ['config', 'example']],
    ['help', () => ['policy', '--help']],
  ])('ends as one that was cut off, without a word, and not as one that found nothing: %s', async (_, args) => {
    expect(await run(args(), ['output'])).toMatchObject({ code: 141, signal: null, errors: '' })
  })

  it('ends alike where the reader had the first lines, as head has', async () => {
    const { code, output, errors } = await run(big(), ['output'], false)
    expect([code, errors]).toEqual([141, ''])
    expect(output.startsWith('{')).toBe(true)
  })

  it('ends alike where errors went the same way', async () => {
    expect(await run(big(), ['output', 'errors'])).toMatchObject({ code: 141, signal: null })
  })

  it('ends as it would have where it had nothing to say to that reader', async () => {
    const wrong = ['policy', 'diff', join(policy, 'none'), policy]
    expect(await run(wrong, [])).toMatchObject({ code: 2, output: '' })
    expect(await run(wrong, ['output'])).toMatchObject({ code: 2, errors: expect.stringContaining(policy) })
    expect(await run(wrong, ['errors'])).toMatchObject({ code: 2, signal: null, output: '' })
  })
})
