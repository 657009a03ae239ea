/** Manifests and dumps: files, folders with everything below them, and standard input. */
import { lstatSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { decoded } from './decoded.ts'
import type { Reader } from './source.ts'

export interface FilesOptions {
  /** Files, folders, `-` for standard input. */
  readonly paths: readonly string[]
  readonly cwd: string
  readonly stdin: () => Promise<Uint8Array>
}

/** Bytes of one file; a text may be no longer than this in Node. */
export const longestFile = 500 * 1024 * 1024
const isManifest = (name: string): boolean => /\.(ya?ml|json)$/i.test(name)

/** In the order of kubectl: as they are named, and within a folder by name. Throws for a path that is not there. */
export async function readFiles({ paths, cwd, stdin }: FilesOptions, reader: Reader): Promise<void> {
  for (const path of paths) {
    if (path === '-') addBytes(await stdin(), '-', reader)
    else for (const file of filesAt(resolve(cwd, path), path, reader)) readOne(file, reader)
  }
}

interface Found {
  readonly path: string
  /** As it is shown. */
  readonly name: string
}

function* filesAt(path: string, name: string, reader: Reader, above: readonly string[] = []): Generator<Found> {
  if (!statSync(path).isDirectory()) {
    yield { path, name }
    return
  }
  const real = realpathSync(path)
  // A link to a folder above would never end.
  if (above.includes(real)) return
  for (const entry of entriesOf(path, name, reader)) {
    const [below, shown] = [join(path, entry), join(name, entry)]
    const kind = kindOf(below)
    if (kind === 'folder' && entry !== '.git') yield* filesAt(below, shown, reader, [...above, real])
    else if (kind === 'file' && isManifest(entry)) yield { path: below, name: shown }
    else if (kind === 'lost') problem(reader, shown, 'it cannot be opened')
  }
}

function entriesOf(path: string, name: string, reader: Reader): readonly string[] {
  try {
    return readdirSync(path).sort()
  } catch (error) {
    problem(reader, name, `the folder is not read: ${(error as Error).message}`)
    return []
  }
}

function kindOf(path: string): 'folder' | 'file' | 'other' | 'lost' {
  try {
    const found = statSync(path)
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other'
  } catch {
    return isManifest(basename(path)) || lstatSync(path).isSymbolicLink() ? 'lost' : 'other'
  }
}

function readOne({ path, name }: Found, reader: Reader): void {
  reader.progress(() => `reading ${name}, ${reader.reading.objectsSeen()} objects so far`)
  try {
    const { size } = statSync(path)
    if (size > longestFile)
      problem(reader, name, `it has ${size} bytes, more than ${longestFile}: split it`, 'too-much')
    else addBytes(readFileSync(path), name, reader)
  } catch (error) {
    problem(reader, name, `it is not read: ${(error as Error).message}`)
  }
}

function problem(
  { reading }: Reader,
  source: string,
  message: string,
  code: 'unreadable-document' | 'too-much' = 'unreadable-document',
): void {
  reading.addProblem({ code, place: { source }, message })
}

function addBytes(bytes: Uint8Array, source: string, reader: Reader): void {
  if (bytes.length > longestFile) problem(reader, source, `it has more than ${longestFile} bytes: split it`, 'too-much')
  else reader.reading.addText(decoded(bytes), source)
}
