/**
 * Puts what `serve` runs into few files: `dist/packed/`. Nothing is renamed or made smaller, each module stands below a
 * line with its name, and the maps lead back to `dist/`. What is imported late stays a file of its own.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Plugin, type RolldownOutput, rolldown } from 'rolldown'
import { digestOf, listName, type MadeOf } from '../../app/packed.ts'

/**
 * Left where npm has put them: lmdb has code of the machine, casbin is the same for modules of operators, and gRPC is for
 * few.
 */
const external = /^(?:lmdb|casbin|@grpc\/grpc-js)(?:\/|$)/

/** @param target `dist/`, compiled */
export async function pack(target: string): Promise<void> {
  const folder = join(target, 'packed')
  await rm(folder, { recursive: true, force: true })
  const bundle = await rolldown({
    input: { serve: join(target, 'cli/serve.js'), worker: join(target, 'app/compose/worker.js') },
    platform: 'node',
    external: id => external.test(id),
    plugins: [ownPlaces(target, folder)],
    onLog: (level, log, log_) => {
      // Libraries that are not ours to change; whatever else is said ends the build.
      if (level === 'warn' && !/node_modules/.test(log.id ?? log.message)) throw new Error(log.message)
      if (level === 'warn') return
      log_(level, log)
    },
  })
  try {
    const packed = await bundle.write({
      dir: folder,
      format: 'esm',
      sourcemap: true,
      minify: false,
      hashCharacters: 'hex',
    })
    // Last: without it nothing that is packed runs.
    await writeFile(join(folder, listName), JSON.stringify(madeOf(packed, folder)))
  } finally {
    await bundle.close()
  }
}

/** Of a library the manifest stands for all of it: npm brings no other content under a name and a version. */
function madeOf({ output }: RolldownOutput, folder: string): MadeOf {
  const modules = output.flatMap(part => (part.type === 'chunk' ? part.moduleIds : []))
  const files = new Set(modules.map(id => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0] ?? id))
  const listed: Record<string, string> = {}
  for (const file of files) {
    const manifest = join(file, 'package.json')
    const held = file.includes('node_modules') ? manifest : file
    // What the packer adds itself has a name and no file.
    if (existsSync(held)) listed[relative(folder, held).replaceAll('\\', '/')] = digestOf(readFileSync(held))
  }
  return listed
}

/** A module finds what lies beside it where it lay before it was packed. */
function ownPlaces(target: string, folder: string): Plugin {
  return {
    name: 'own-places',
    transform(code, id) {
      if (!id.startsWith(target) || !code.includes('import.meta.')) return undefined
      const place = JSON.stringify(relative(folder, id).replaceAll('\\', '/'))
      if (/import\.meta\.(?!url\b)/.test(code)) throw new Error(`${id} asks for more than import.meta.url`)
      return { code: code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`), map: null }
    },
  }
}
