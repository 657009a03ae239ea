/**
 * What the build has put together: the service and a worker as a few files, in place of the thousand that Node would look
 * for, read and link one by one, with what V8 made of each (docs/adr/0079).
 */
import { isAscii } from 'node:buffer'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Script } from 'node:vm'

/** In the folder of what is packed, and written last: files by their path from there, with the digest of what they held. */
export const listName = 'made-of.json'
export type MadeOf = Readonly<Record<string, string>>

/** @param content of a file that was packed, or the manifest of a package that was */
export const digestOf = (content: Buffer): string => createHash('sha256').update(content).digest('base64url')

type Entry = 'program' | 'worker'

/** What of the command line is packed: a module of that name in `cli/`, or a folder. Other commands are loaded as they are. */
export const packedCommands: readonly string[] = ['serve', 'policy']

/** The path of a packed file. `undefined` in the sources, where the build has packed nothing, and where a file is not any more what was packed: the files themselves run then. */
export function packedModule(name: Entry, folder = new URL('../packed/', import.meta.url)): string | undefined {
  return isCurrent(new URL(listName, folder)) ? fileURLToPath(new URL(`${name}.cjs`, folder)) : undefined
}

// Threat: a check that was mended in its file, or in a library by its next release, runs on as it was.
function isCurrent(list: URL): boolean {
  try {
    const packedAt = statSync(list).mtimeMs
    const files = Object.entries(JSON.parse(readFileSync(list, 'utf8')) as MadeOf)
    // Hundreds: to make an address of each takes longer than to look at it.
    const folder = fileURLToPath(new URL('.', list))
    return files.every(([path, digest]) => {
      const file = folder + path
      // A copy has a time of its own: only what it holds says whether a younger file is another.
      return statSync(file).mtimeMs <= packedAt || digestOf(readFileSync(file)) === digest
    })
  } catch {
    return false
  }
}

/** Where the code of a packed file is kept: 32 bytes with the SHA-256 of this Node and the file, then what V8 gave. */
export const codeFileOf = (file: string): string => `${file}.code`

const digestBytes = 32

/**
 * Threat: V8 takes what another build of the same V8 made, and a name in it may be another name there. Node 20.19 read what 20.20
 * had kept, and `join` was something else. So the code is for the Node that made it: version, machine, how it was built, its size.
 */
const thisNode = sha256(
  JSON.stringify([
    ...[process.version, process.versions.v8, process.arch, process.platform, process.config],
    statSync(process.execPath).size,
  ]),
)

const digestFor = (source: Buffer): Buffer => sha256(thisNode, source)

function sha256(...contents: readonly (Buffer | string)[]): Buffer {
  const hash = createHash('sha256')
  for (const content of contents) hash.update(content)
  return hash.digest()
}

export interface RunOptions {
  /** Told of each file that has been run, before anything else of it is. */
  readonly onRun?: (file: string, script: Script, source: Buffer) => void
}

/**
 * Runs a packed file, and what it requires from its folder, each once for each call. V8 does not read what it has read at the
 * build, as long as the file is the same and this Node is.
 *
 * @returns what the file exports
 */
export function runPacked<Exports>(file: string, { onRun }: RunOptions = {}): Exports {
  const folder = dirname(file)
  const fromOutside = createRequire(file)
  // Node reads the maps of what it has loaded itself.
  if (process.sourceMapsEnabled) return fromOutside(file)
  const modules = new Map<string, { exports: unknown }>()
  const room = createRoom()
  const run = (path: string): unknown => {
    const known = modules.get(path)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    modules.set(path, module)
    const script = compiled(path, room)
    onRun?.(path, script, readFileSync(path))
    script.runInThisContext()(module.exports, need, module, path, folder)
    return module.exports
  }
  const need = (id: string): unknown => (id.startsWith('./') ? run(join(folder, id)) : fromOutside(id))
  const exports = run(file) as Exports
  room.leave()
  return exports
}

const before = '(function (exports, require, module, __filename, __dirname) { '
const after = '\n})'

/** A function of what CommonJS offers to a module. */
function compiled(path: string, room: Room): Script {
  const { source, text, code } = room.hold(path)
  // As the build leaves it: nothing has to be decoded, and V8 keeps a byte for each character.
  const content = isAscii(source) ? text.toString('latin1') : text.toString('utf8')
  const cachedData = keptCode(source, code)
  return new Script(content, {
    filename: path,
    ...(cachedData !== undefined && { cachedData }),
  })
}

// Threat: V8 looks at the length of a file alone. One of another content and the same length would run as it was.
function keptCode(source: Buffer, code: Buffer): Buffer | undefined {
  return code.subarray(0, digestBytes).equals(digestFor(source)) ? code.subarray(digestBytes) : undefined
}

/** What one packed file needs while V8 takes it over; it makes copies of its own. */
interface Held {
  readonly source: Buffer
  /** The source as the function that runs. */
  readonly text: Buffer
  /** What was kept; empty where nothing was. */
  readonly code: Buffer
}

/**
 * The place that files are read into, one after the other. With a place for each, a service that nobody asks keeps 8 MB of
 * them for good: V8 collects when its own memory grows, and these lie outside of it.
 */
interface Room {
  /** Good until the next call. */
  hold(path: string): Held
  leave(): void
}

function createRoom(): Room {
  let place = Buffer.alloc(0)
  const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  return {
    hold(path) {
      const [sourceSize, codeSize] = [sizeOf(path), sizeOf(codeFileOf(path))]
      const textSize = before.length + sourceSize + after.length
      // V8 copies what does not begin at a multiple of its word.
      const codeAt = Math.ceil(textSize / 16) * 16
      if (place.length < codeAt + codeSize) {
        give(place)
        place = Buffer.allocUnsafeSlow(codeAt + codeSize)
      }
      const source = place.subarray(before.length, before.length + sourceSize)
      place.write(before, 'latin1')
      readInto(path, source)
      place.write(after, before.length + sourceSize, 'latin1')
      const code = place.subarray(codeAt, codeAt + codeSize)
      if (codeSize > 0) readInto(codeFileOf(path), code)
      return { source, text: place.subarray(0, textSize), code }
    },
    leave: () => {
      give(place)
      place = Buffer.alloc(0)
    },
  }
}

/** Its memory goes back at once where this Node can do so (from 22 on), and else with the next collection. */
function give(place: Buffer): void {
  const memory: ArrayBufferLike & { transfer?: (length: number) => void } = place.buffer
  memory.transfer?.(0)
}

/** Throws where the file is not as long as it was: half of one would be another program. */
function readInto(file: string, place: Buffer): void {
  const descriptor = openSync(file, 'r')
  try {
    let length = 0
    for (let read = -1; read !== 0 && length < place.length; length += read) {
      read = readSync(descriptor, place, length, place.length - length, null)
    }
    if (length < place.length) throw new Error(`${file} became shorter while it was read`)
  } finally {
    closeSync(descriptor)
  }
}

/** What `codeFileOf` holds, of a script that has run: also what V8 read only once it was called. */
export const codeToKeep = (script: Script, source: Buffer): Buffer =>
  Buffer.concat([digestFor(source), script.createCachedData()])
