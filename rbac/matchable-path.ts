/**
 * The form in which paths and patterns meet, and the ways in which a server may read a path (docs/policy.md, "Rows").
 */

/** What an upstream may read as a path. The first is the path itself; there are others for a path with `;` or `%2F`. */
export type Readings = readonly [string, ...string[]]

/**
 * The canonical path decoded, without its trailing slash. `%2F` and `%25` stay: decoded, they would be something else.
 *
 * Threat: `/jobs%3Apurge` and `/jobs:purge`, `/%C3%BCber` and a row for `/über` are two spellings of what upstreams serve
 * as one resource; a row that denies the one must not be avoided by asking for the other.
 */
export function matchablePath(path: string): string {
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
  return decodeForMatching(path.slice(0, end))
}

const escapes = /(?:%[0-9A-F]{2})+/g
const kept = /%2[5F]/g

/** Escapes are those of a canonical path: upper case, and valid UTF-8. Throws `URIError` for others. */
export function decodeForMatching(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(escapes, run => decodeURIComponent(run.replace(kept, code => `%25${code.slice(1)}`)))
}

/**
 * Threat: `/admin;x/users` and `/admin%2Fusers` are `/admin/users` to one server and another name to the next, and a row
 * for `/admin/**` has to meet both. Servers cut a segment at its `;`, or decode `%2F`, or do both, in either order; a
 * segment of which nothing is left is gone. Nobody decodes twice who has not lost already: `%252F` is one reading.
 */
export function readingsOf(resource: string): Readings {
  const path = matchablePath(resource)
  if (!path.includes(';') && !path.includes('%2F')) return [path]
  const decoded = tidy(path.replaceAll('%2F', '/'))
  const cut = withoutParameters(path)
  const others = [decoded, cut, withoutParameters(decoded), tidy(cut.replaceAll('%2F', '/'))]
  return [path, ...new Set(others.filter(other => other !== path))]
}

const withoutParameters = (path: string): string => tidy(path.replace(/;[^/]*/g, ''))

function tidy(path: string): string {
  const collapsed = path.replace(/\/{2,}/g, '/')
  return collapsed.length > 1 && collapsed.endsWith('/') ? collapsed.slice(0, -1) : collapsed
}
