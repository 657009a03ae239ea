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
import { type Criterion, criterionOf, everyTerm, noTerm, type Term } from './pomerium-criteria.ts'
import type { ImportedRow } from './rows.ts'
import { bothOf } from './subjects.ts'

interface Route {
  readonly line: number
  readonly host: string
  readonly paths: PathSet
  /** Terms any of which admits. */
  readonly allow: readonly Term[]
  readonly deny: readonly Term[]
}

/** Keys that say who may, or which requests are meant. */
const understood = ['from', 'prefix', 'path', 'regex', 'policy', 'allow_public_unauthenticated_access']
const shorthands = ['allow_any_authenticated_user', 'allowed_users', 'allowed_domains', 'allowed_idp_claims']
/** Keys about what happens after the decision. */
const irrelevant =
  /^(?:to|name|id|description|logo_url|redirect|response|prefix_rewrite|regex_rewrite_.*|host_rewrite.*|preserve_host_header|timeout|idle_timeout|tls_.*|set_request_headers|remove_request_headers|set_response_headers|rewrite_response_headers|pass_identity_headers|allow_websockets|allow_spdy|kubernetes_service_account_token.*|enable_google_cloud_serverless_authentication|lb_config|outlier_detection|health_checks)$/

/** Throws `PolicyError` for what is no YAML. Takes the whole configuration, or a list of routes. */
export function importPomerium(file: { name: string; text: string }, options: ImportOptions): ImportedRow[] {
  const root = parseLocated(file.name, file.text)
  const { report } = options
  const list = root.items ?? root.fields?.get('routes')?.items ?? []
  if (list.length === 0) report.leftOut(root.line, 'routes', 'there are none', 'Name the file that holds the routes.')
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

function readRoute(item: Located, options: ImportOptions): Route | 'unknown' {
  const { report } = options
  const from = item.fields?.get('from')
  const host = hostOf(from?.scalar)
  if (host === undefined) {
    report.leftOut(
      from?.line ?? item.line,
      `from ${String(from?.scalar)}`,
      'rows name plain hosts of the web, for every port',
      'Write the rows yourself.',
    )
    return 'unknown'
  }
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
  return { line: item.line, host, paths, allow: strange.length > 0 || !isComplete ? noTerm : allow, deny }
}

function hostOf(value: unknown): string | undefined {
  const [, name = ''] = /^https:\/\/([^/:*]+)\/?$/.exec(String(value)) ?? []
  return name === '' ? undefined : canonicalHost(name)
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

interface Sides {
  readonly allow: readonly Term[]
  readonly deny: readonly Term[]
  /** Everything that denies could be said; otherwise nothing may be allowed. */
  readonly isComplete: boolean
}

function readPolicy(item: Located, options: ImportOptions): Sides {
  const allow: Term[] = []
  const deny: Term[] = []
  let isComplete = true
  for (const [key, value] of item.fields ?? []) allow.push(...shorthand(key, value, options))
  const policy = item.fields?.get('policy')
  const blocks = policy?.items ?? (policy === undefined ? [] : [policy])
  for (const [effect, block] of blocks.flatMap(one => [...(one.fields ?? [])])) {
    if (effect === 'allow') allow.push(...termsOf(block, 'inner', options))
    else if (effect === 'deny') {
      const terms = termsOf(block, 'outer', options)
      deny.push(...terms)
      if (terms.some(isEverything)) isComplete = false
    } else {
      isComplete = false
      options.report.leftOut(block.line, effect, 'neither allow nor deny', 'Write the rows of this route yourself.')
    }
  }
  if (!isComplete)
    options.report.leftOut(
      item.line,
      'the route',
      'not everything that it denies can be said, so nothing of it is allowed',
      'Write the rows of this route yourself.',
    )
  return { allow, deny, isComplete }
}

const isEverything = ({ who, conditions, methods, paths }: Term): boolean =>
  who === undefined && conditions.length === 0 && methods === undefined && paths === undefined

function shorthand(key: string, value: Located, options: ImportOptions): readonly Term[] {
  const criterion = (name: string, data: Located): readonly Term[] => criterionOf(name, data, options).inner
  if (key === 'allow_public_unauthenticated_access') return value.scalar === true ? everyTerm : noTerm
  if (key === 'allow_any_authenticated_user')
    return value.scalar === true ? criterion('authenticated_user', value) : noTerm
  if (key === 'allowed_users') return (value.items ?? []).flatMap(item => criterion('email', item))
  if (key === 'allowed_domains') return (value.items ?? []).flatMap(item => criterion('domain', item))
  if (key !== 'allowed_idp_claims') return noTerm
  return [...(value.fields ?? [])].flatMap(([claim, values]) =>
    (values.items ?? [values]).flatMap(item => criterion(`claim/${claim}`, item)),
  )
}

/** Terms any of which makes a block hold; its operators are alternatives of each other. */
function termsOf(block: Located, side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  return [...(block.fields ?? [])].flatMap(([operator, { items, line }]) => {
    const criteria = (items ?? []).flatMap(item =>
      [...(item.fields ?? [])].map(([key, data]) => criterionOf(key, data, options)),
    )
    if (items === undefined || items.some(({ fields }) => fields?.size !== 1)) {
      options.report.leftOut(line, operator, 'expected a list of criteria', 'Write the rows of this route yourself.')
      return side === 'inner' ? noTerm : everyTerm
    }
    if (criteria.length === 0) return noTerm
    const positive = (criterion: Criterion): readonly Term[] => criterion[side]
    const negative = (criterion: Criterion): readonly Term[] =>
      side === 'inner' ? criterion.notInner : criterion.notOuter
    switch (operator) {
      case 'and':
        return product(criteria.map(positive), side, options)
      case 'or':
        return criteria.flatMap(positive)
      // `not`: none of them; `nor`: not all of them.
      case 'not':
        return product(criteria.map(negative), side, options)
      case 'nor':
        return criteria.flatMap(negative)
      default:
        options.report.leftOut(line, operator, 'expected and, or, not or nor', 'Write the rows of this route yourself.')
        return side === 'inner' ? noTerm : everyTerm
    }
  })
}

function product(sets: readonly (readonly Term[])[], side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  return sets.reduce(
    (left, right) => left.flatMap(one => right.flatMap(two => meet(one, two, side, options))),
    everyTerm,
  )
}

/** Both at once. Where that cannot be said, nothing (inner) or the first of them alone (outer). */
function meet(one: Term, two: Term, side: 'inner' | 'outer', options: ImportOptions): readonly Term[] {
  const who =
    one.who === undefined || two.who === undefined
      ? (one.who ?? two.who)
      : bothOf(one.who, two.who, options.names, options)
  const isPeopleLost = who === undefined && (one.who ?? two.who) !== undefined
  const isPathLost = one.paths !== undefined && two.paths !== undefined
  if (isPeopleLost || isPathLost) return side === 'inner' ? noTerm : [one]
  const methods =
    one.methods !== undefined && two.methods !== undefined
      ? one.methods.filter(name => two.methods?.includes(name))
      : (one.methods ?? two.methods)
  if (methods?.length === 0) return noTerm
  const paths = one.paths ?? two.paths
  return [
    {
      conditions: [...one.conditions, ...two.conditions],
      ...(who === undefined ? {} : { who }),
      ...(methods === undefined ? {} : { methods }),
      ...(paths === undefined ? {} : { paths }),
    },
  ]
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
