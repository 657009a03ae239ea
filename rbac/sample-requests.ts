/**
 * Requests that stand for a row: one path that its resource covers, one host that its domain covers, one action. A
 * sample, not a proof: what conditions and patterns make of other requests is not in it.
 */
import type { AccessRequest } from './access-request.ts'
import type { Row } from './row.ts'

/** `undefined` for a `re:` row: there is no telling what a pattern covers. */
export function sampleRequests(row: Row): readonly AccessRequest[] | undefined {
  if (row.resource.startsWith('re:')) return undefined
  const domain = sampleDomain(row.domain)
  return samplePaths(row.resource).flatMap(resource =>
    sampleActions(row.action).map(action => ({ domain, resource, action, url: `https://${domain}${resource}` })),
  )
}

function sampleDomain(pattern: string): string {
  if (pattern === '*') return 'sample.example'
  return pattern.startsWith('*.') ? `sample${pattern.slice(1)}` : pattern
}

/** The folder itself and something below it, where `**` covers both. */
function samplePaths(resource: string): readonly string[] {
  const named = resource.replaceAll(/(?<!\*)\*(?!\*)/g, 'sample')
  if (!named.endsWith('**')) return [named]
  const folder = named.slice(0, -2)
  return [folder, `${folder}sample/page`]
}

function sampleActions(action: string): readonly string[] {
  const known: Readonly<Record<string, readonly string[]>> = { '*': ['GET', 'POST'], read: ['GET'], write: ['POST'] }
  return [...new Set(action.split('|').flatMap(name => known[name] ?? [name]))]
}
