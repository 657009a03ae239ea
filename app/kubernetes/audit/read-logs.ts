/** Audit logs of an API server: files, rotated and compressed ones, folders of them, and standard input. */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { readAuditEvent } from '../../../rbac/reach/usage/audited-call.ts'
import type { UsageCollector } from '../../../rbac/reach/usage/usage.ts'
import { eventsIn } from './entries.ts'
import { valuesOf } from './values.ts'

export interface LogReading {
  /** Path, or `-`. */
  readonly source: string
  readonly events: number
  /** It ended before it should have: what it held until then was read. */
  readonly brokenOff?: string
}

export interface LogInput {
  /** For `-`. */
  readonly stdin: Readable
  /** Called often, with how far it is. */
  readonly onProgress: (text: () => string) => void
}

/** Reads everything into the collector. Rejects when a path cannot be opened. @param paths files, folders, or `-` */
export async function readLogs(
  paths: readonly string[],
  collector: UsageCollector,
  input: LogInput,
): Promise<readonly LogReading[]> {
  const readings: LogReading[] = []
  for (const path of (await Promise.all(paths.map(filesOf))).flat())
    readings.push(await readLog(path, collector, input))
  return readings
}

/** Of a folder every file that may be a log, in the order of their names. */
async function filesOf(path: string): Promise<readonly string[]> {
  if (path === '-') return [path]
  if (!(await stat(path)).isDirectory()) return [path]
  const entries = await readdir(path, { withFileTypes: true })
  const isLog = /\.(?:log|json|ndjson|jsonl)(?:\.\d+)?(?:\.gz)?$/
  return entries
    .filter(entry => entry.isFile() && isLog.test(entry.name))
    .map(entry => join(path, entry.name))
    .sort()
}

async function readLog(source: string, collector: UsageCollector, input: LogInput): Promise<LogReading> {
  const file = source === '-' ? undefined : createReadStream(source, { highWaterMark: 1 << 20 })
  const size = file === undefined ? 0 : (await stat(source)).size
  const bytes: Readable = file ?? input.stdin
  let events = 0
  const progress = (): string =>
    file === undefined
      ? `${events} events read`
      : `${Math.floor((file.bytesRead / Math.max(1, size)) * 100)} % of ${source} read`
  try {
    for await (const found of valuesOf(await plain(bytes))) {
      if ('unreadable' in found) collector.add(found)
      else
        for (const event of eventsIn(found.value)) {
          events += 1
          collector.add(readAuditEvent(event))
        }
      input.onProgress(progress)
    }
  } catch (error) {
    // A compressed file that is still written, or was copied in part: what came out of it counts.
    if (!isBrokenOff(error)) throw error
    return { source, events, brokenOff: (error as Error).message }
  }
  return { source, events }
}

/** What gzip is not, and looks like no JSON either. */
class OtherCompression extends Error {}

const isBrokenOff = (error: unknown): boolean =>
  error instanceof OtherCompression ||
  (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'))

/** First bytes, in hexadecimal. */
const otherCompressions: readonly (readonly [string, string])[] = [
  ['28b52ffd', 'zstd'],
  ['fd377a58', 'xz'],
  ['425a68', 'bzip2'],
  ['04224d18', 'lz4'],
  ['504b0304', 'zip'],
]

/** By its first bytes, whatever the name: collectors give compressed files any. Throws where it is compressed by something else. */
async function plain(bytes: Readable): Promise<AsyncIterable<Uint8Array>> {
  const iterator = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const head: Buffer[] = []
  let ended = false
  while (!ended && Buffer.concat(head).length < 4) {
    const next = await iterator.next()
    if (next.done === true) ended = true
    else head.push(Buffer.from(next.value))
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* head
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  }
  const [first, second] = Buffer.concat(head)
  const begin = Buffer.concat(head).subarray(0, 4).toString('hex')
  const other = otherCompressions.find(([bytes]) => begin.startsWith(bytes))
  if (other !== undefined) throw new OtherCompression(`it is ${other[1]}, which is not read: gzip is, and plain text`)
  if (first !== 0x1f || second !== 0x8b) return whole()
  const { Readable: Stream } = await import('node:stream')
  const unzip = createGunzip()
  const source = Stream.from(whole())
  source.on('error', error => unzip.destroy(error))
  return source.pipe(unzip)
}
