/** Pomerium's routes: the first route that fits a request decides, by its own `allow` and `deny`. */
import { canonicalHost } from './authelia.ts'
import type { Who } from './first-match.ts'
import { type Located, parseLocated } from './located.ts'
import type { ImportOptions } from './options.ts'
import {
  allPaths,
  canMeet,
  onePath,
  type PathOptions,
  type PathSet,
  pathsByPattern,
  pathsWithPrefix,
  resourcesWithout,
} from './paths.ts'
import { noTerm, type Term } from './pomerium-criteria.ts'
import { readPolicy, shorthands } from './pomerium-policy.ts'
import type { ImportedRow } from './rows.ts'

interface Route {
  readonly line: number
  readonly host: string
  readonly paths: PathSet
  /** Terms any of which admits. */
  readonly allow: readonly Term[]
  readonly deny: readonly Term[]
}

/** Keys that say who may, or which requests are meant. */
const understood = ['from', 'prefix', 'path', 'regex', 'policy', 'cors_allow_preflight']
/** Keys about what happens after the decision. */
const irrelevant =
  /^(?:to|name|id|description|logo_url|redirect|response|prefix_rewrite|regex_rewrite_.*|host_rewrite.*|preserve_host_header|timeout|idle_timeout|tls_.*|set_request_headers|remove_request_headers|set_response_headers|rewrite_response_headers|pass_identity_headers|allow_websockets|allow_spdy|kubernetes_service_account_token.*|enable_google_cloud_serverless_authentication|lb_config|outlier_detection|health_checks)$/

/**
 * Throws `PolicyError` for what is no YAML. Takes the whole configuration, whose routes old versions had under `policy`, or
 * a list of routes.
 */
export function importPomerium(file: { name: string; text: string }, options: ImportOptions): ImportedRow[] {
  const root = parseLocated(file.name, file.text)
  const { report } = options
  const lists = root.items === undefined ? ['routes', 'policy'].flatMap(key => root.fields?.get(key) ?? []) : [root]
  const list = lists.length === 1 ? (lists[0]?.items ?? []) : []
  if (lists.length > 1)
    report.leftOut(root.line, 'every route', 'some are under routes and some under policy', 'Put them into one list.')
  else if (list.length === 0)
    report.leftOut(root.line, 'routes', 'there are none', 'Name the file that holds the routes.')
  report.check(
    root.line,
    'groups and claims',
    'they come from the OpenID provider now',
    'Make it send the claims that the routes name.',
  )
  const routes: Route[] = []
  const rows: ImportedRow[] = []
  for (const item of list) {
    const route = readRoute(item, options)
    if (route === 'tunnel') continue
    if (route === 'unknown') {
      // It may stand before any of the routes below: what they allow could have been its to refuse.
      report.leftOut(
        item.line,
        'every route below',
        'this one comes first, and its place is not understood',
        'Correct it, and import again.',
      )
      break
    }
    rows.push(...rowsOf(route, routes, options))
    routes.push(route)
  }
  return rows
}

/** `tunnel`: it carries no requests, and so decides none of those that later routes decide. */
function readRoute(item: Located, options: ImportOptions): Route | 'tunnel' | 'unknown' {
  const { report } = options
  const from = item.fields?.get('from')
  const place = placeOf(from?.scalar)
  if (typeof place === 'string' || place.hasPort)
    report.leftOut(
      from?.line ?? item.line,
      `from ${String(from?.scalar)}`,
      place === 'tunnel' ? 'rows are about requests' : 'rows name plain hosts of the web, for every port',
      'Write the rows yourself.',
    )
  if (typeof place === 'string') return place
  const { host } = place
  if (item.fields?.get('cors_allow_preflight')?.scalar === true)
    report.leftOut(
      item.line,
      'cors_allow_preflight',
      'a row cannot tell a preflight from another OPTIONS',
      'Write a row for anyone and OPTIONS, where the application answers it.',
    )
  const paths = readPaths(item, options)
  if (paths.inner.length === 0)
    report.leftOut(
      item.line,
      'the paths of the route',
      'no resource fits exactly those, trailing slashes and all',
      'Write the row yourself.',
    )
  else if (!paths.isExact)
    report.narrower(
      item.line,
      'the paths of the route',
      'a path is the same with and without a trailing slash here',
      'Add the path itself if it may be seen.',
    )
  const strange = [...(item.fields ?? [])].filter(
    ([key]) => ![...understood, ...shorthands].includes(key) && !irrelevant.test(key),
  )
  for (const [key, { line }] of strange)
    report.leftOut(
      line,
      key,
      'not a key of a route that is understood',
      'Check what it means there, and write the rows of this route yourself.',
    )
  const { allow, deny, isComplete } = readPolicy(item, options)
  const isLost = strange.length > 0 || !isComplete || place.hasPort
  return { line: item.line, host, paths, allow: isLost ? noTerm : allow, deny }
}

/** `hasPort`: it decides at a port of its own alone, so that rows may take from it, and nothing may be allowed by it. */
function placeOf(value: unknown): { readonly host: string; readonly hasPort: boolean } | 'tunnel' | 'unknown' {
  if (/^(?:(?:tcp|udp)\+https|ssh):\/\//.test(String(value))) return 'tunnel'
  const [, name = '', port = '443'] = /^https:\/\/([^/:*]+)(?::(\d+))?\/?$/.exec(String(value)) ?? []
  const host = name === '' ? undefined : canonicalHost(name)
  return host === undefined ? 'unknown' : { host, hasPort: port !== '443' }
}

function readPaths({ fields }: Located, options: PathOptions): PathSet {
  const text = (key: string): string | undefined => {
    const value = fields?.get(key)
    return value === undefined ? undefined : String(value.scalar ?? '')
  }
  const given = ['prefix', 'path', 'regex'].filter(key => fields?.has(key))
  if (given.length > 1) return { ...allPaths, inner: [], isExact: false }
  const [prefix, path, regex] = [text('prefix'), text('path'), text('regex')]
  if (prefix !== undefined) return pathsWithPrefix(prefix, options)
  if (path !== undefined) return onePath(path, options)
  return regex === undefined ? allPaths : pathsByPattern(`^${regex.replace(/^\^|\$$/g, '')}$`, options)
}

function rowsOf(route: Route, earlier: readonly Route[], { report }: ImportOptions): ImportedRow[] {
  const sameHost = earlier.filter(({ host }) => host === route.host)
  const excluded = sameHost.flatMap(({ paths }) => paths.outer)
  const anyone: Who = { subject: 'anyone', conditions: [] }
  const row = (
    { who = anyone, conditions, methods }: Term,
    resource: string,
    effect: 'allow' | 'deny',
  ): ImportedRow => ({
    line: route.line,
    subject: who.subject,
    domain: route.host,
    resource,
    action: methods?.join('|') ?? '*',
    conditions: [...who.conditions, ...conditions],
    effect,
  })
  const isWhole = route.paths === allPaths
  const allowed = route.allow.flatMap(term => {
    if (term.paths !== undefined && !isWhole) {
      report.leftOut(
        route.line,
        'http_path within a route that has paths',
        'a row has one resource',
        'Write the row yourself.',
      )
      return []
    }
    return (term.paths ?? route.paths).inner.flatMap(inner => {
      const resources = resourcesWithout(inner, excluded)
      if (resources === undefined || (resources.length === 0 && excluded.some(shape => canMeet(inner, shape))))
        report.leftOut(
          route.line,
          'the route, or a part of it',
          'earlier routes take its paths away',
          'Put the rows of this route in yourself if it can be reached.',
        )
      return (resources ?? []).map(resource => row(term, resource, 'allow'))
    })
  })
  if (allowed.length === 0) return []
  const denied = route.deny.flatMap(term =>
    (term.paths ?? route.paths).outer.flatMap(shape => {
      const overlaps = sameHost.some(other => other.paths.inner.some(inner => canMeet(inner, shape)))
      if (overlaps)
        report.narrower(
          route.line,
          'what the route denies',
          'its row holds for the paths of earlier routes as well',
          'Narrow the resource of the row that denies.',
        )
      return (resourcesWithout(shape, []) ?? ['/**']).map(resource => row(term, resource, 'deny'))
    }),
  )
  return [...denied, ...allowed]
}
