/**
 * Writes the answers of checks: the bytes that `writeHead` and `end` of `node:http` would send, with less work for each.
 *
 * `writeHead` looks at every field of every answer: whether it may be sent at all (RFC 9110 section 5.5), and whether Node
 * itself has to act on it. Most fields of a check are the same for thousands of answers. They come in lists that are
 * frozen, and a list that is frozen is looked at and put into words once.
 *
 * What Node adds by itself, the date and how the connection goes on, is not imitated. It is read off an answer that Node
 * has written whole in the same second, and only if all the rest of that answer is what would have been written here.
 * Where Node does not show its answer, or shows another one, it goes on writing all of them.
 */
import { type ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http'
import type { Fields, Reply } from './front.ts'

/** Sends the one answer of a response. Throws before anything is sent for a field that must not be. */
export type WriteReply = (response: ServerResponse, reply: Reply) => void

/** Where Node keeps the head of an answer until its end is written: status line, fields, empty line. */
interface Head {
  _header: string | null
}

/** Fields after which Node treats the connection or the body in another way: they are left to Node. */
const decisive: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'expect',
  'keep-alive',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What Node adds to an answer whose connection stays open. */
const ordinaryEnding = /^Date: [\w:, ]+\r\nConnection: keep-alive\r\n(?:Keep-Alive: [\w=, ]+\r\n)?\r\n$/

/** One for each server: the endings of two servers may differ. */
export function createReplyWriter(): WriteReply {
  let ending: string | undefined

  /** Keeps what Node has added, until the second of its date is over. */
  function learn(head: string | null, own: string): void {
    if (typeof head !== 'string' || !head.startsWith(own)) return
    const added = head.slice(own.length)
    if (!ordinaryEnding.test(added)) return
    ending = added
    const forget = setTimeout(
      () => {
        ending = undefined
      },
      1_000 - (Date.now() % 1_000),
    )
    forget.unref()
  }

  return (response, reply) => {
    const { status, headers, body } = reply
    const bytes = body === '' ? 0 : Buffer.byteLength(body)
    const own = response.shouldKeepAlive ? ownHead(status, headers, bytes) : undefined
    if (own === undefined || ending === undefined) {
      response.writeHead(status, [...headers.flat(), 'Content-Length', String(bytes)])
      if (own !== undefined) learn((response as unknown as Head)._header, own)
      return end(response, body)
    }
    response.statusCode = status
    const head = response as unknown as Head
    // ASCII goes out with the head, as the same bytes; to a HEAD there is no body (RFC 9110 section 9.3.2).
    const isOnePiece = bytes === body.length && response.req.method !== 'HEAD'
    head._header = own + ending + (isOnePiece ? body : '')
    end(response, isOnePiece ? '' : body)
  }
}

function end(response: ServerResponse, body: string): void {
  // A text, not bytes: Node then writes head and body at once.
  if (body === '') response.end()
  else response.end(body)
}

/** `undefined`: Node has to decide something about it. Throws for a field that must not be sent. */
function ownHead(status: number, headers: readonly Fields[], bytes: number): string | undefined {
  const statusLine = statusLines.get(status)
  if (statusLine === undefined) return undefined
  let head = statusLine
  for (const fields of headers) {
    const lines = linesOf(fields)
    if (lines === undefined) return undefined
    head += lines
  }
  return `${head}Content-Length: ${bytes}\r\n`
}

/** Statuses whose answers have a body (RFC 9110 sections 15.2, 15.3.5 and 15.4.5). */
const statusLines: ReadonlyMap<number, string> = new Map(
  Object.entries(STATUS_CODES)
    .map(([code, reason]) => [Number(code), `HTTP/1.1 ${code} ${reason}\r\n`] as const)
    .filter(([code]) => code >= 200 && code !== 204 && code !== 304),
)

/** The lines of lists that are frozen; `null`: Node has to decide. */
const known = new WeakMap<Fields, string | null>()

function linesOf(fields: Fields): string | undefined {
  if (!Object.isFrozen(fields)) return spell(fields)
  const found = known.get(fields)
  if (found !== undefined) return found ?? undefined
  const lines = spell(fields)
  known.set(fields, lines ?? null)
  return lines
}

function spell(fields: Fields): string | undefined {
  let lines = ''
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    const value = fields[at + 1] as string
    const label = labels.get(name) ?? labelOf(name)
    if (label === '') return undefined
    validateHeaderValue(name, value)
    lines += `${label}${value}\r\n`
  }
  return lines
}

/** `name: ` by name, empty where Node has to decide. The names come from this program and from its configuration. */
const labels = new Map<string, string>()

function labelOf(name: string): string {
  validateHeaderName(name)
  const label = decisive.has(name.toLowerCase()) ? '' : `${name}: `
  labels.set(name, label)
  return label
}
