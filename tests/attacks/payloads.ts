/** Payload lists that are kept beside the project; where they are absent, their tests are skipped and say why. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const directory = process.env.SALLYPORT_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data')

/** Lines of `web/<name>`; `undefined` when the list is not here. */
export function payloads(name: string): readonly string[] | undefined {
  const file = join(directory, 'web', name)
  if (existsSync(file))
    return readFileSync(file, 'utf8')
      .split(/\r?\n/)
      .filter(line => line !== '')
  process.stdout.write(`skipped: the payload list ${file} is not here (set SALLYPORT_TEST_DATA)\n`)
  return undefined
}
