/** The last step of `npm run build`: what the compiler leaves behind. Files that are read at run time, what is packed, and one mode. */
import { chmod, copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepCode } from './packing/keep-code.ts'
import { pack } from './packing/pack.ts'

/** Folders with sources, and the kinds of files in them that the running service reads. */
const folders = ['app', 'cli', 'rbac']
const readAtRunTime = /\.(?:conf|csv|html|css|js|svg|proto|yaml|yml|json|lua|tmpl)$/

/** Copies the files into `dist/`, each to the place that it has in the sources. Gives their names, sorted. */
export async function copyAssets(root: string, target: string): Promise<string[]> {
  const copied: string[] = []
  for (const folder of folders) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      if (!entry.isFile() || !readAtRunTime.test(entry.name)) continue
      const source = join(entry.parentPath, entry.name)
      const name = relative(root, source)
      await mkdir(dirname(join(target, name)), { recursive: true })
      await copyFile(source, join(target, name))
      copied.push(name)
    }
  }
  return copied.sort()
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file)
  await chmod(file, mode | 0o111)
}

// dist/cli/build-assets.js, run by node itself and not imported by a test.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = join(dirname(fileURLToPath(import.meta.url)), '..')
  await copyAssets(join(target, '..'), target)
  await pack(target)
  // Where nothing may listen the service is built all the same: it starts later.
  await keepCode(target).catch((error: Error) => process.stderr.write(`starts will be slower: ${error.message}\n`))
  await makeExecutable(join(target, 'cli/main.js'))
}
