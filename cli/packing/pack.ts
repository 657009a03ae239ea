/**
 * Puts what `serve` and `policy` run into few files: `dist/packed/`. Nothing is renamed or made smaller, each module stands below a
 * line with its name, and the maps lead back to `dist/`. What is imported late stays a file of its own.
 */
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { type Plugin, type RolldownOutput, rolldown } from 'rolldown'
import { digestOf, listName, type MadeOf, packedCommands } from '../../app/packed.ts'

/**
 * Left where npm has put them: lmdb has code of the machine, and gRPC is for few. The thread of an operator's modules runs
 * what is not packed, and they meet its casbin.
 */
const external = /^(?:lmdb|@grpc\/grpc-js)(?:\/|$)/

/** @param target `dist/`, compiled */
export async function pack(target: string): Promise<void> {
  const folder = join(target, 'packed')
  await rm(folder, { recursive: true, force: true })
  const bundle = await rolldown({
    input: { program: join(target, 'cli/program.js'), worker: join(target, 'app/compose/worker.js') },
    platform: 'node',
    external: id => external.test(id),
    plugins: [otherCommands(target), tables(folder), ownPlaces(target, folder), inAscii()],
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
      format: 'cjs',
      // As all of it was, being imported.
      strict: true,
      entryFileNames: '[name].cjs',
      chunkFileNames: '[name]-[hash].cjs',
      comments: { annotation: false, jsdoc: false },
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

/** What the program imports late is for another command than those of `packedCommands`, which does not run packed. */
function otherCommands(target: string): Plugin {
  const program = join(target, 'cli')
  const packed = packedCommands.map(name => join(program, name))
  const isPacked = (path: string): boolean => packed.some(name => path === `${name}.js` || path.startsWith(name + sep))
  const notPacked = '\0not-packed'
  return {
    name: 'other-commands',
    resolveId(source, importer, { kind }) {
      if (kind !== 'dynamic-import' || importer === undefined || !importer.startsWith(program + sep)) return undefined
      return isPacked(importer) || isPacked(join(dirname(importer), source)) ? undefined : notPacked
    },
    load: id => (id === notPacked ? "throw new Error('this command does not run packed')" : undefined),
  }
}

/** A table of a library stays where it is, and is read when it is asked for: V8 would keep the text of all of them. */
function tables(folder: string): Plugin {
  return {
    name: 'tables',
    async resolveId(source, importer, options) {
      if (!source.endsWith('.json')) return undefined
      const found = await this.resolve(source, importer, { ...options, skipSelf: true })
      if (found === null || !found.id.includes(`${sep}node_modules${sep}`)) return undefined
      return { id: relative(folder, found.id).replaceAll('\\', '/'), external: true }
    },
  }
}

/** Written with escapes, so that V8 needs one byte for a character of what it keeps of a file: with two, a file of 1.7 MB takes 3.4. */
function inAscii(): Plugin {
  return {
    name: 'in-ascii',
    renderChunk(code, { fileName }) {
      // Behind a backslash an escape would be another text.
      if (/\\[^\0-\x7f]/.test(code)) throw new Error(`${fileName} has an escaped sign that is not ASCII`)
      return {
        code: code.replace(/[^\0-\x7f]/g, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`),
        map: null,
      }
    },
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
