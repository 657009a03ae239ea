/** Files of a proxy, written: all of them or none, and never over somebody else's. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ProxyFile } from './format.ts'
import { isMarked } from './mark.ts'
import { QuestionError } from './question-error.ts'

/** Gives their paths. Rejects with `QuestionError` before anything is written where one there is not ours, or is no file. */
export async function writeFiles(
  files: readonly ProxyFile[],
  directory: string,
  force: boolean,
): Promise<readonly string[]> {
  const places = files.map(({ path, text }) => ({ path: join(directory, path), text }))
  const own = force ? [] : await notOurs(places.map(({ path }) => path))
  if (own.length > 0)
    throw new QuestionError(
      `${own.join(', ')} ${own.length === 1 ? 'was' : 'were'} not written by this command, so nothing was written: move your lines into a file of their own, take another --output, or add --force to lose them`,
    )
  for (const { path, text } of places) {
    await mkdir(dirname(path), { recursive: true })
    // A proxy that reads its files at this moment sees the old one or the new one.
    const fresh = `${path}.new`
    await writeFile(fresh, text)
    await rename(fresh, path)
  }
  return places.map(({ path }) => path)
}

async function notOurs(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      if (error.code === 'EISDIR')
        throw new QuestionError(
          `${path} is a folder, where a file has to be written: move it, or take another --output`,
        )
      throw error
    })
    if (text !== undefined && !isMarked(text)) found.push(path)
  }
  return found
}
