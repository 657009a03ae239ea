/** Writes audit lines to a shared file as fast as they are taken: `<path> <name> <lines>`. */
import { createLineFile } from '../../app/audit/line-file.ts'

const [path = '', name = '', lines = '0'] = process.argv.slice(2)
const file = createLineFile({
  destination: path,
  isShared: true,
  batchMs: 1,
  maxPendingBytes: 4 * 1_024 * 1_024,
  onWritten: () => undefined,
  onError: () => undefined,
})

for (let number = 0; number < Number(lines); number += 1) {
  // From short lines to some that are longer than a page.
  const line = `${JSON.stringify({ name, number, pad: 'x'.repeat((number * 37) % 6_000) })}\n`
  while (!file.append(line)) await file.flush()
  if (number % 50 === 0) await new Promise(resolve => setImmediate(resolve))
  if (number % 500 === 0) await file.reopen()
}
process.exitCode = (await file.close()) === 0 ? 0 : 1
