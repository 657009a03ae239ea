/**
 * Received audit events on disk, one on each line: what `--audit` reads. An event counts as kept when the disk has it, so that
 * what a sender was told is here survives us.
 */
import { type FileHandle, mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface EventKeeper {
  readonly folder: string
  /** Resolves when the disk has all of them; rejects when it has none of them. One call at a time. */
  append(lines: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface KeeperOptions {
  readonly folder: string
  /** Of the names of files: when it was started. */
  readonly startedAt: Date
  /** Bytes from which on another file is begun. Default: 128 MiB. */
  readonly mostBytes?: number
  /** Bytes of all files of received events in the folder, from earlier starts as well. Default: no limit. */
  readonly mostInFolder?: number
}

/** Nothing is thrown away for what comes: it has been confirmed. */
export class FolderFull extends Error {}

interface OpenFile {
  readonly handle: FileHandle
  /** Bytes of whole events. */
  size: number
}

/** For this account alone: audit logs tell who did what. Rejects where nothing can be written. */
export async function openKeeper(options: KeeperOptions): Promise<EventKeeper> {
  const { folder, startedAt, mostBytes = 128 << 20, mostInFolder = Number.POSITIVE_INFINITY } = options
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const start = startedAt.toISOString().replace(/[-:]|\.\d+/g, '')
  let inFolder = await bytesIn(folder)
  let files = 0
  let current: OpenFile | undefined = await nextFile()

  async function nextFile(): Promise<OpenFile> {
    files += 1
    const name = `received-${start}-${process.pid}-${String(files).padStart(4, '0')}.ndjson`
    const handle = await open(join(folder, name), 'ax', 0o600)
    const directory = await open(folder, 'r')
    await directory.sync().finally(() => directory.close())
    return { handle, size: 0 }
  }

  async function needRoom(bytes: number): Promise<void> {
    if (inFolder + bytes <= mostInFolder) return
    // Somebody may have made room since.
    inFolder = await bytesIn(folder)
    if (inFolder + bytes > mostInFolder)
      throw new FolderFull(
        `${folder} has ${inFolder} bytes, and may have ${mostInFolder}: compress files that are done with, move them away, or allow more`,
      )
  }

  /** Threat: half an event in front of the next one would make two unreadable, of which one was said to be kept. */
  async function takeBack({ handle, size }: OpenFile): Promise<void> {
    try {
      await handle.truncate(size)
    } catch {
      current = undefined
      await handle.close().catch(() => undefined)
    }
  }

  return {
    folder,
    append: async lines => {
      const bytes = Buffer.from(lines.map(line => `${line}\n`).join(''))
      await needRoom(bytes.length)
      if (current !== undefined && current.size > 0 && current.size + bytes.length > mostBytes) {
        const { handle } = current
        current = undefined
        await handle.close()
      }
      current ??= await nextFile()
      const file = current
      try {
        await file.handle.appendFile(bytes)
        await file.handle.datasync()
      } catch (error) {
        await takeBack(file)
        throw error
      }
      file.size += bytes.length
      inFolder += bytes.length
    },
    close: async () => {
      await current?.handle.close()
      current = undefined
    },
  }
}

/** Of what was received, compressed or not: nothing else in it is ours. */
async function bytesIn(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter(name => name.startsWith('received-'))
  const sizes = await Promise.all(
    names.map(async name => {
      // One that is compressed meanwhile is gone under this name.
      const found = await stat(join(folder, name)).catch(() => undefined)
      return found?.size ?? 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
