/** Whoever reads what a command prints, and goes away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtCommandLine } from '../built-command-line.ts'

const program = builtCommandLine()
const manifests = join(import.meta.dirname, '../reach/clusters/storage-driver.yml')

test('a command whose reader has gone ends as one that was cut off, without a word, and not as one that found nothing', async () => {
  const args = [program, 'kube', 'review', '--from', manifests, '--json']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  const said: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const [code] = await once(child, 'close')
  expect([code, said.join('')]).toEqual([141, ''])
})
