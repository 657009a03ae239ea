/**
 * Puts what `serve` runs into few files: `dist/packed/`. Nothing is renamed or made smaller, each module stands below a
 * line with its name, and the maps lead back to `dist/`. What is imported late stays a file of its own.
 */
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'

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
    await bundle.write({ dir: folder, format: 'esm', sourcemap: true, minify: false, hashCharacters: 'hex' })
  } finally {
    await bundle.close()
  }
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
