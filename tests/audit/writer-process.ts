/**
 * Writes audit lines to a shared file as fast as they are taken: `<path> <name> <lines>`. With `<enough> <most>` it goes
 * on until a file `enough` is there, or `most` lines are written. Prints how many they were.
 */
import { existsSync } from 'node:fs'
import { createLineFile } from '../../app/audit/line-file.ts'

const [path = '', name = '', lines = '0', enough = '', most = lines] = process.argv.slice(2)
const file = createLineFile({
  destination: path,
  isShared: true,
  batchMs: 1,
  maxPendingBytes: 4 * 1_024 * 1_024,
  onWritten: () => undefined,
  onError: () => undefined,
})

function isOver(number: number): boolean {
  if (number < Number(lines)) return false
  return number >= Number(most) || (number % 50 === 0 && existsSync(enough))
}

let number = 0
for (; !isOver(number); number += 1) {
  // From short lines to some that are longer than a page.
  const line = `${JSON.stringify({ name, number, pad: 'x'.repeat((number * 37) % 6_000) })}\n`
  while (!file.append(line)) await file.flush()
  if (number % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  if (number % 500 === 0) await file.reopen()
}
process.stdout.write(String(number))
process.exitCode = (await file.close()) === 0 ? 0 : 1
