/** `envoy.config.core.v3.Metadata` of a route, as names and texts that a condition of the policy can name. */
import { isUtf8 } from 'node:buffer'
import { MalformedMessageError, type Part, readFields, readOnce } from './proto-reader.ts'

/** Deeper and longer ones are no facts about a route. */
const deepest = 8

type Add = (name: string, value: string) => void

/**
 * Every text, number and truth value: `<namespace>/<key>`, and below it the keys joined by dots, places in lists counted from
 * 0. Throws `MalformedMessageError`.
 */
export function readMetadata(metadata: Part, add: Add): void {
  readFields(metadata, ({ number, part }) => {
    if (number !== 1) return
    const [namespace, struct] = readOnce(part, [1, 2])
    if (struct !== undefined) readStruct(struct, `${textOf(namespace)}/`, add, 0)
  })
}

function readStruct(struct: Part, prefix: string, add: Add, depth: number): void {
  if (depth > deepest) throw new MalformedMessageError('metadata is nested too deep')
  readFields(struct, ({ number, part }) => {
    if (number !== 1) return
    const [key, value] = readOnce(part, [1, 2])
    if (value !== undefined) readValue(value, prefix + textOf(key), add, depth)
  })
}

/** `google.protobuf.Value`. */
function readValue(value: Part, name: string, add: Add, depth: number): void {
  readFields(value, ({ number, part, value: truth }) => {
    if (number === 2) add(name, String(part.bytes().readDoubleLE(0)))
    else if (number === 3) add(name, textOf(part))
    else if (number === 4) add(name, String(truth === 1))
    else if (number === 5) readStruct(part, `${name}.`, add, depth + 1)
    else if (number === 6) readList(part, name, add, depth + 1)
  })
}

function readList(list: Part, name: string, add: Add, depth: number): void {
  if (depth > deepest) throw new MalformedMessageError('metadata is nested too deep')
  let place = 0
  readFields(list, ({ number, part }) => {
    if (number !== 1) return
    readValue(part, `${name}.${place}`, add, depth)
    place += 1
  })
}

/**
 * Threat: a row that denies by a name that is no ASCII. Unlike a header, a text of the route is UTF-8, as that of the row is. Throws
 * `MalformedMessageError` for what is none.
 */
export function textOf(part: Part | undefined): string {
  if (part === undefined) return ''
  const bytes = part.bytes()
  if (!isUtf8(bytes)) throw new MalformedMessageError('a text is no UTF-8')
  return bytes.toString('utf8')
}
