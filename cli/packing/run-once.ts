/** Process entry: runs the packed service until it is told to end, then the packed files that it did not need, and keeps the code of all. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Script } from 'node:vm'
import pc from 'picocolors'
import { codeFileOf, codeToKeep, runPacked } from '../../app/packed.ts'
import { withProgress } from '../progress.ts'

const [, , folder = '', configFile = ''] = process.argv
const scripts = new Map<string, readonly [Script, Buffer]>()
const onRun = (file: string, script: Script, source: Buffer): void => {
  if (!scripts.has(file)) scripts.set(file, [script, source])
}

const plain = {
  write: () => undefined,
  writeError: (text: string) => process.stderr.write(text),
  colors: pc,
  env: {},
  cwd: folder,
}
const terminal = withProgress(plain, { isShown: false })
const { runCli } = runPacked<typeof import('../program.ts')>(join(folder, 'program.cjs'), { onRun })
process.exitCode = await runCli(['serve', '--config', configFile], { version: '', terminal })
if (process.exitCode === 0) {
  for (const name of readdirSync(folder).filter(name => name.endsWith('.cjs'))) {
    const file = join(folder, name)
    try {
      if (!scripts.has(file)) runPacked(file, { onRun })
    } catch {
      // It has been read, which is all that is wanted of it.
    }
  }
  for (const [file, [script, source]] of scripts) writeFileSync(codeFileOf(file), codeToKeep(script, source))
}
