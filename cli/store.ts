/** `sallyport store export|import`: everything that a store holds, to a file and back. */
import { createReadStream, fstatSync, openSync } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../app/clock.ts'
import { composeReader, composeRecords } from '../app/compose/store.ts'
import { type Restored, restoreItems } from '../app/sessions/records/restore.ts'
import {
  formatItem,
  header,
  type ItemCounts,
  parseItem,
  type StoredItem,
} from '../app/sessions/records/stored-items.ts'
import { type ConfigChoice, loadChosenConfig } from './load-config.ts'
import { reportError } from './report-error.ts'
import { exitCodes, type Terminal } from './terminal.ts'

export interface StoreCommandOptions extends ConfigChoice {
  readonly file: string
  readonly json: boolean
}

/** How long a Redis may take until it is there. */
const connectMs = 10_000
/** Bytes that wait to be written. */
const bufferBytes = 64 * 1024

export async function exportStore(options: StoreCommandOptions, terminal: Terminal): Promise<number> {
  try {
    const { config } = loadChosenConfig(options, terminal)
    const reader = await composeReader(config.sessions.store, systemClock)
    try {
      await untilThere(() => reader.probe())
      const counts = await writeFile(resolve(terminal.cwd, options.file), reader.items, terminal)
      terminal.write(
        options.json ? `${JSON.stringify({ file: options.file, ...counts })}\n` : exported(options, counts),
      )
      return exitCodes.ok
    } finally {
      await reader.close()
    }
  } catch (error) {
    return reportError(error, terminal)
  }
}

export async function importStore(options: StoreCommandOptions, terminal: Terminal): Promise<number> {
  try {
    const { config } = loadChosenConfig(options, terminal)
    const items = readFile(resolve(terminal.cwd, options.file), terminal)
    // Before anything is connected to: a file that is none of ours is said at once.
    const first = await items.next()
    const records = await composeRecords(config.sessions.store, systemClock)
    try {
      await untilThere(() => records.probe())
      const restored = await restoreItems(records, following(first, items), {
        now: systemClock.now,
        onProgress: counts => terminal.progress(() => `${numbersOf(counts)} brought in`),
      })
      terminal.write(options.json ? `${JSON.stringify({ file: options.file, ...restored })}\n` : imported(restored))
      return exitCodes.ok
    } finally {
      await records.close()
    }
  } catch (error) {
    return reportError(error, terminal)
  }
}

/** All or nothing: a file that is there is whole. */
async function writeFile(path: string, items: AsyncIterable<StoredItem>, terminal: Terminal): Promise<ItemCounts> {
  const file = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new Error(whyNotMade(path, error), { cause: error })
  })
  try {
    const counts = await writeItems(file, items, terminal)
    await file.sync()
    await file.close()
    return counts
  } catch (error) {
    await file.close()
    await rm(path, { force: true })
    throw error
  }
}

/** For whoever named the file: what is wrong with it, and what to do. */
function whyNotMade(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EEXIST')
    return `${path} is there already, and an export overwrites nothing: name another file, or remove it first`
  const folder = dirname(path)
  if (code === 'ENOENT') return `${path} cannot be made: there is no folder ${folder}`
  if (code === 'EACCES' || code === 'EROFS')
    return `${path} cannot be made: this account may not write to ${folder}; name a file elsewhere`
  return `${path} cannot be made: ${message}`
}

async function writeItems(file: FileHandle, items: AsyncIterable<StoredItem>, terminal: Terminal): Promise<ItemCounts> {
  const counts: Mutable<ItemCounts> = { records: 0, tombstones: 0, links: 0 }
  let text = `${JSON.stringify(header)}\n`
  for await (const item of items) {
    count(counts, item)
    text += `${formatItem(item)}\n`
    if (text.length < bufferBytes) continue
    await file.write(text)
    text = ''
    terminal.progress(() => `${numbersOf(counts)} written`)
  }
  await file.write(`${text}${JSON.stringify({ end: true, ...counts })}\n`)
  return counts
}

async function* readFile(path: string, terminal: Terminal): AsyncGenerator<StoredItem> {
  const descriptor = opened(path)
  const stats = fstatSync(descriptor)
  if (stats.isDirectory()) throw new Error(`${path} is a folder, and no export`)
  const { mode } = stats
  if ((mode & 0o077) !== 0) terminal.writeError(`warning: other accounts can reach ${path}; chmod 600 it\n`)
  const lines = createInterface({
    input: createReadStream(path, { fd: descriptor }),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  let number = 0
  const counts: Mutable<ItemCounts> = { records: 0, tombstones: 0, links: 0 }
  let said: Readonly<Record<string, unknown>> | undefined
  for await (const line of lines) {
    number += 1
    const parsed = parseLine(line, path, number)
    if (number === 1) requireHeader(parsed, path)
    else if (said !== undefined) throw new Error(`${path} goes on after its end, at line ${number}; ${remains}`)
    else if (parsed.end === true) said = parsed
    else {
      const item = itemAt(parsed, path, number)
      count(counts, item)
      yield item
    }
  }
  if (number === 0) requireHeader({}, path)
  if (said === undefined) throw new Error(`${path} was cut short after line ${number}; ${remains}`)
  // Threat: what is missing may be that sessions have ended.
  if (said.records !== counts.records || said.tombstones !== counts.tombstones || said.links !== counts.links)
    throw new Error(`${path} holds ${numbersOf(counts)}, and not what its end says; ${remains}`)
}

const remains = 'what it held is in the store. Export again.'

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function count(counts: Mutable<ItemCounts>, item: StoredItem): void {
  if ('index' in item) counts.links += 1
  else if (item.value === undefined) counts.tombstones += 1
  else counts.records += 1
}

function opened(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = { ENOENT: 'there is no such file', EACCES: 'this account may not read it' }[code ?? ''] ?? message
    throw new Error(`${path} cannot be read: ${why}`, { cause: error })
  }
}

function parseLine(line: string, path: string, number: number): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>
  } catch {
    // Said below, without the text: it may be any file.
  }
  throw new Error(`${path} line ${number} is no line of an export`)
}

function itemAt(parsed: Readonly<Record<string, unknown>>, path: string, number: number): StoredItem {
  try {
    return parseItem(parsed)
  } catch (error) {
    throw new Error(`${path} line ${number} is no line of an export: ${error instanceof Error ? error.message : ''}`)
  }
}

function requireHeader(parsed: Readonly<Record<string, unknown>>, path: string): void {
  if (parsed.format === header.format && parsed.version === header.version) return
  throw new Error(`${path} is no export of this version of sallyport`)
}

async function* following(
  first: IteratorResult<StoredItem>,
  rest: AsyncGenerator<StoredItem>,
): AsyncGenerator<StoredItem> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/** A Redis is connected to in the background. */
async function untilThere(verify: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + connectMs
  for (;;) {
    try {
      return await verify()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await delay(50)
    }
  }
}

const numbersOf = ({ records, tombstones, links }: ItemCounts) =>
  `${records} records, ${tombstones} tombstones, ${links} links`

const exported = ({ file }: StoreCommandOptions, counts: ItemCounts) =>
  `${numbersOf(counts)} are in ${file}.\nIt holds sealed sessions and signing keys: delete it after the import.\n`

const imported = (restored: Restored) =>
  `${numbersOf(restored)} are in the store; ${restored.kept} stayed as the store has them, ${restored.expired} have expired.\n`
