/** Pomerium's routes: the first route that fits a request decides, by its own `allow` and `deny`. */

import { covers, type Who } from '../first-match.ts'
import { type Located, parseLocated, templatesIn } from '../located.ts'
import type { ImportOptions } from '../options.ts'
import {
  allPaths,
  canMeet,
  type Inner,
  isWithin,
  onePath,
  type PathOptions,
  type PathSet,
  pathsByPattern,
  pathsWithPrefix,
  resourcesWithout,
  type Shape,
} from '../paths.ts'
import { type Report, reportTemplate } from '../report.ts'
import type { ImportedRow } from '../rows.ts'
import { noTerm, preflightTerm, type Term } from './criteria.ts'
import { isWildcard, type OwnHost, ownHosts, placeOf, rivalOf } from './places.ts'
import { readPolicy, shorthands } from './policy.ts'

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
  /^(?:to|name|id|stat_name|description|logo_url|show_error_details|redirect|response|prefix_rewrite|regex_rewrite_.*|host_rewrite.*|host_path_regex_rewrite_.*|preserve_host_header|timeout|idle_timeout|tls_(?!downstream_).*|set_request_headers|remove_request_headers|set_response_headers|rewrite_response_headers|pass_identity_headers|allow_websockets|allow_spdy|kubernetes_service_account_token.*|enable_google_cloud_serverless_authentication|lb_config|outlier_detection|health_checks|circuit_breaker_thresholds|healthy_panic_threshold|jwt_groups_filter|jwt_issuer_format)$/
/** Keys of the whole by which everybody needs a certificate of their own. */
const certificates = ['downstream_mtls', 'client_ca', 'client_ca_file']

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
  if (asksForCertificates(root, report)) return []
  const routes: Route[] = []
  const rows: ImportedRow[] = []
  const own = ownHosts(root)
  for (const item of list) {
    const route = readRoute(item, { list, own }, options)
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
  return [...rows, ...(own ?? []).flatMap(one => closed(one, rows))]
}

/** Behind a wildcard Pomerium let nobody through at hosts of its own. */
function closed({ line, host }: OwnHost, rows: readonly ImportedRow[]): ImportedRow[] {
  const isBelow = rows.some(({ domain }) => isWildcard(domain) && covers(domain, host))
  const everything = { subject: 'anyone', domain: host, resource: '/**', action: '*', conditions: [] }
  return isBelow ? [{ line, ...everything, effect: 'deny' }] : []
}

function asksForCertificates({ fields }: Located, report: Report): boolean {
  const found = certificates.filter(key => fields?.has(key))
  const asked = found.filter(key => fields?.get(key)?.fields?.get('enforcement')?.scalar !== 'policy')
  for (const key of asked)
    report.leftOut(
      fields?.get(key)?.line ?? 1,
      `every route, because of ${key}`,
      'it asks everybody for a certificate, and no row that is made here does',
      'Take it out of a copy, import that, and add a condition "client-certificate" to each row.',
    )
  return asked.length > 0
}

/** `tunnel`: it carries no requests, and so decides none of those that later routes decide. */
function readRoute(item: Located, around: Around, options: ImportOptions): Route | 'tunnel' | 'unknown' {
  const { report } = options
  reportTemplates(item, report)
  const from = item.fields?.get('from')
  const place = placeOf(from)
  if (typeof place === 'string' || place.hasPort)
    report.leftOut(
      from?.line ?? item.line,
      `from ${String(from?.scalar ?? from?.template)}`,
      place === 'tunnel' ? 'rows are about requests' : 'rows name plain hosts of the web, for every port',
      'Write the rows yourself.',
    )
  if (typeof place === 'string') return place
  const { host } = place
  const isShared = isWildcard(host) && !place.hasPort && sharesHosts(item, host, around, report)
  const paths = readPaths(item, options)
  if (paths.inner.length === 0)
    report.leftOut(
      item.line,
      'the paths of the route',
      'no resource fits exactly those, trailing slashes and all',
      'Choose --with-slash-and-query if a path with a slash at its end may pass too, or write the row yourself.',
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
  const isLost = strange.length > 0 || !isComplete || place.hasPort || isShared
  const isPreflightOpen = item.fields?.get('cors_allow_preflight')?.scalar === true
  const allowed = isPreflightOpen ? [...allow, preflightTerm(options)] : allow
  return { line: item.line, host, paths, allow: isLost ? noTerm : allowed, deny }
}

interface Around {
  /** Every route of the file. */
  readonly list: readonly Located[]
  readonly own: readonly OwnHost[] | undefined
}

/** Whether something else decides about a host of the wildcard, so that no row for all of them is right. */
function sharesHosts({ line }: Located, host: string, { list, own }: Around, report: Report): boolean {
  const rival = own === undefined ? 'a service of Pomerium, whose address is not understood' : rivalOf(host, list)
  if (rival === undefined)
    report.check(
      line,
      `from https://${host}`,
      'no login leads back to a host that nobody named, and a host that Pomerium itself served may be below it',
      `If all of them are yours, write { host: "${host}", tickets: true } under hosts of the configuration.`,
    )
  else
    report.leftOut(
      line,
      `from https://${host}`,
      `a row for all of its hosts would hold at those of ${rival}`,
      'Write a row for each host.',
    )
  return rival !== undefined
}

/** Of keys that change nothing nobody has to know. */
function reportTemplates(route: Located, report: Report): void {
  const read = [...(route.fields ?? [])].filter(([key]) => [...understood, ...shorthands].includes(key))
  for (const { line, template = '' } of read.flatMap(([, value]) => templatesIn(value)))
    reportTemplate(line, template, report)
}

function readPaths({ fields }: Located, options: PathOptions): PathSet {
  const text = (key: string): string | undefined => {
    const value = fields?.get(key)
    return value === undefined ? undefined : String(value.scalar)
  }
  const given = ['prefix', 'path', 'regex'].filter(key => fields?.has(key))
  const isRead = given.every(key => typeof fields?.get(key)?.scalar === 'string')
  if (given.length > 1 || !isRead) return { ...allPaths, inner: [], isExact: false }
  const [prefix, path, regex] = [text('prefix'), text('path'), text('regex')]
  if (prefix !== undefined) return pathsWithPrefix(prefix, options)
  if (path !== undefined) return onePath(path, options)
  return regex === undefined ? allPaths : pathsByPattern(`^${regex.replace(/^\^|\$$/g, '')}$`, options)
}

function rowsOf(route: Route, earlier: readonly Route[], { report }: ImportOptions): ImportedRow[] {
  const sameHost = earlier.filter(({ host }) => covers(host, route.host))
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
  const allowed = route.allow.flatMap(term =>
    pathsOf(term, route, report).flatMap(inner => {
      const resources = resourcesWithout(inner, excluded)
      if (resources === undefined || (resources.length === 0 && excluded.some(shape => canMeet(inner, shape))))
        report.leftOut(
          route.line,
          'the route, or a part of it',
          'earlier routes take its paths away',
          'Put the rows of this route in yourself if it can be reached.',
        )
      return (resources ?? []).map(resource => row(term, resource, 'allow'))
    }),
  )
  if (allowed.length === 0) return []
  const denied = route.deny.flatMap(term =>
    deniedPathsOf(term, route).flatMap(shape => {
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

/** What is both of the term and of its route. */
function pathsOf({ paths }: Term, route: Route, report: Report): readonly Inner[] {
  if (paths === undefined) return route.paths.inner
  return paths.inner.flatMap(inner =>
    route.paths.inner.flatMap(other => {
      if (isWithin(inner, other)) return [inner]
      if (isWithin(other, inner)) return [other]
      if (route.paths.outer.some(shape => canMeet(inner, shape)))
        report.leftOut(
          route.line,
          'http_path within a route that has paths',
          'a row has one resource, and neither is a part of the other',
          'Write the row yourself.',
        )
      return []
    }),
  )
}

/** At least what is both of the term and of its route. */
function deniedPathsOf({ paths }: Term, route: Route): readonly Shape[] {
  if (paths === undefined) return route.paths.outer
  const isNarrower = route.paths.outer.every(shape => paths.outer.some(other => isWithin(shape, other)))
  return isNarrower ? route.paths.outer : paths.outer
}
