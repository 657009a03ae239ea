/**
 * Requests that stand for a row: a path that its resource covers, a host that its domain covers, its actions. A sample,
 * not a proof: what conditions and patterns make of other requests is not in it.
 */

import { namesIn, questionActions, tokenActions } from '../actions.ts'
import { criteriaOf } from '../conditions/condition.ts'
import { isApplicationDomain, isKubernetesDomain, questionsDomain, tokensDomain } from '../domains.ts'
import { matchablePath } from '../matchable-path.ts'
import type { AccessRequest } from '../request/access-request.ts'
import { canonicaliseTarget } from '../request/canonical-path.ts'
import { MalformedRequestError } from '../request/malformed-request.ts'
import type { Row } from '../row.ts'
import { samplesOf } from './pattern-sample.ts'

/** With paths that the row leaves out, if it names any. Empty for a `re:` row for whose pattern no path was found. */
export function sampleRequests(row: Row): readonly AccessRequest[] {
  const domain = sampleDomain(row.domain)
  return [...samplePaths(row), ...(row.except ?? []).flatMap(pathsOf)].flatMap(resource =>
    actionsOf(row, domain).map(action => ({
      domain,
      resource,
      action,
      url: `https://${domain}${resource}`,
    })),
  )
}

function sampleDomain(pattern: string): string {
  if (pattern === '*') return 'sample.example'
  return pattern.startsWith('*.') ? `sample${pattern.slice(1)}` : pattern
}

const samplePaths = ({ resource, fitsResource }: Row): readonly string[] =>
  resource.startsWith('re:') ? pathsOfPattern(resource.slice('re:'.length), fitsResource) : pathsOf(resource)

/** The folder itself and something below it, where `**` covers both. */
function pathsOf(resource: string): readonly string[] {
  const named = resource.replaceAll(/(?<!\*)\*(?!\*)/g, 'sample')
  if (!named.endsWith('**')) return [named]
  const folder = named.slice(0, -2)
  return [folder, `${folder}sample/page`]
}

const maxPaths = 4

/** Only what the compiled pattern matches, in the form in which a request has it. */
function pathsOfPattern(pattern: string, fits: Row['fitsResource']): readonly string[] {
  const paths = samplesOf(pattern)
    .map(path => path.replace(/[^\x21-\x7e]+|[#?]/g, encodeURIComponent))
    .flatMap(canonicalForm)
  return [...new Set(paths)].filter(path => fits(matchablePath(path))).slice(0, maxPaths)
}

function canonicalForm(path: string): readonly string[] {
  try {
    return [canonicaliseTarget(path, {}).path]
  } catch (error) {
    if (error instanceof MalformedRequestError || error instanceof URIError) return []
    throw error
  }
}

/** A condition on preflights is met by OPTIONS alone, which comes first, since some ask about a few requests of a row. */
function actionsOf(row: Row, domain: string): readonly string[] {
  const isAboutPreflights = [...criteriaOf(row.when)].some(({ type }) => type === 'preflight')
  const first = isAboutPreflights && row.fitsAction('OPTIONS') ? ['OPTIONS'] : []
  return [...new Set([...first, ...sampleActions(row.action, domain)])]
}

function sampleActions(action: string, domain: string): readonly string[] {
  if (domain === tokensDomain && action === '*') return tokenActions
  if (domain === questionsDomain && action === '*') return questionActions
  if (isApplicationDomain(domain)) return action === '*' ? ['sample'] : namesIn(action, domain)
  const every = isKubernetesDomain(domain) ? ['get', 'create'] : ['GET', 'POST']
  const groups: Readonly<Record<string, readonly string[]>> = {
    '*': every,
    read: ['GET'],
    write: ['POST'],
    // Where it differs from GET.
    'only:GET': ['HEAD'],
  }
  const ofGroups = action.split('|').flatMap(name => groups[name.trim()] ?? [])
  return [...new Set([...ofGroups, ...namesIn(action, domain)])]
}
