/**
 * What an application asks about an object of its own, in the form that rows are matched against: `/<type>/<id>` in the domain
 * `app:<name>`, and back.
 *
 * Threat: two objects with one path, or one object with two, of which a row meets the other one. So an id is one segment, whatever
 * it holds: what would part it, or be read otherwise by somebody (`/ \ ; ? # %`), is escaped twice, as rows write it (`%252F`).
 */
import { matchablePath } from '../matchable-path.ts'
import type { AccessRequest } from './access-request.ts'
import { MalformedRequestError } from './malformed-request.ts'

export interface ApplicationObject {
  readonly type: string
  readonly id: string
}

/** Longest name, in characters. */
const longestName = 512
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const invisible = /[\u0000-\u001f\u007f-\u009f]/
const parting = /[/\\;?#%]/g

/** Throws `MalformedRequestError` for an id that is empty, too long, or holds what no text does. */
export function requestForObject(application: string, { type, id }: ApplicationObject, action: string): AccessRequest {
  const domain = `app:${application}`
  const resource = `/${segmentOf(type)}/${segmentOf(id)}`
  return { domain, resource, action, url: `${domain}${resource}` }
}

function segmentOf(name: string): string {
  if (name === '') throw new MalformedRequestError('path', 'the id is empty')
  if (name.length > longestName)
    throw new MalformedRequestError('length', `it is longer than ${longestName} characters`)
  if (invisible.test(name)) throw new MalformedRequestError('path', 'the id is no plain text')
  try {
    return encodeURIComponent(name.replace(parting, encodeURIComponent))
  } catch {
    // Half of a surrogate pair.
    throw new MalformedRequestError('path', 'the id is no plain text')
  }
}

/** The object of a path as rows have it (`matchablePath`); `undefined` for one that no object has. */
export function objectOfPath(path: string): ApplicationObject | undefined {
  const [, type = '', segment = '', ...more] = path.split('/')
  if (segment === '' || more.length > 0) return undefined
  try {
    const object = { type, id: decodeURIComponent(segment.replaceAll('%25', '%')) }
    // What rows can write and no object is called.
    return matchablePath(requestForObject('-', object, '').resource) === path ? object : undefined
  } catch {
    return undefined
  }
}
