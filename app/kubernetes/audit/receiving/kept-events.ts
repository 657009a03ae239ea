/**
 * Received audit events on disk, one on each line: what `--audit` reads. An event counts as kept when the disk has it, so that
 * what a sender was told is here survives us.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises'
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
}

interface OpenFile {
  readonly handle: FileHandle
  /** Bytes of whole events. */
  size: number
}

/** For this account alone: audit logs tell who did what. Rejects where nothing can be written. */
export async function openKeeper({ folder, startedAt, mostBytes = 128 << 20 }: KeeperOptions): Promise<EventKeeper> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const start = startedAt.toISOString().replace(/[-:]|\.\d+/g, '')
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
    },
    close: async () => {
      await current?.handle.close()
      current = undefined
    },
  }
}
