/** What Pomerium decides, read from its documentation of routes and of its policy language. */
import { parse } from 'yaml'
import { type Asked, isIn, type Question } from './questions.ts'

type Criterion = Readonly<Record<string, unknown>>
type Block = Readonly<Record<string, readonly Criterion[]>>

interface Route {
  readonly from: string
  readonly prefix?: string
  readonly path?: string
  readonly regex?: string
  readonly policy?: readonly Readonly<Record<string, Block>>[]
  readonly cors_allow_preflight?: boolean
  readonly allow_public_unauthenticated_access?: boolean
  readonly allow_any_authenticated_user?: boolean
  readonly allowed_users?: readonly string[]
  readonly allowed_domains?: readonly string[]
  readonly allowed_groups?: readonly string[]
  readonly allowed_idp_claims?: Readonly<Record<string, readonly string[]>>
}

const textIs = (matcher: unknown, text: string): boolean => {
  if (typeof matcher === 'string') return matcher === text
  const [[operator, value] = []] = Object.entries(matcher as Record<string, unknown>)
  if (operator === 'is') return text === value
  if (operator === 'in') return (value as string[]).includes(text)
  if (operator === 'starts_with') return text.startsWith(String(value))
  return operator === 'ends_with' && text.endsWith(String(value))
}

/** A criterion that nobody here fulfils is false: devices, records. */
function holds(criterion: Criterion, { who, path, method, isPreflight }: Question): boolean {
  const [[name = '', data] = []] = Object.entries(criterion)
  const isKnown = who.login !== undefined
  switch (name) {
    case 'accept':
      return true
    case 'authenticated_user':
      return isKnown
    case 'email':
      return isKnown && textIs(data, who.email)
    case 'domain':
      return isKnown && textIs(data, who.email.split('@')[1] ?? '')
    case 'groups':
      return isKnown && who.groups.includes((data as { has: string }).has)
    case 'claim/department':
      return isKnown && who.department === data
    case 'http_method':
      return textIs(data, method)
    case 'http_path':
      return textIs(data, path)
    case 'source_ip':
      return isIn(String(data), who.address)
    case 'cors_preflight':
      return isPreflight
    default:
      return false
  }
}

const joins: Readonly<Record<string, (truths: readonly boolean[]) => boolean>> = {
  and: truths => truths.every(Boolean),
  or: truths => truths.some(Boolean),
  not: truths => !truths.some(Boolean),
  nor: truths => !truths.every(Boolean),
}

function allowsBy(route: Route, question: Question): boolean {
  const one = (criterion: Criterion): boolean => holds(criterion, question)
  const fits = (effect: string): boolean =>
    (route.policy ?? []).some(blocks =>
      Object.entries(blocks[effect] ?? {}).some(([operator, criteria]) => joins[operator]?.(criteria.map(one))),
    )
  const claims = Object.entries(route.allowed_idp_claims ?? {})
  return (
    !fits('deny') &&
    (fits('allow') ||
      (route.cors_allow_preflight === true && question.isPreflight) ||
      route.allow_public_unauthenticated_access === true ||
      (route.allow_any_authenticated_user === true && one({ authenticated_user: true })) ||
      (route.allowed_users ?? []).some(email => one({ email })) ||
      (route.allowed_domains ?? []).some(domain => one({ domain })) ||
      (route.allowed_groups ?? []).some(has => one({ groups: { has } })) ||
      claims.some(([claim, values]) => values.some(value => one({ [`claim/${claim}`]: value }))))
  )
}

/** A wildcard is any number of labels. */
const hostsOf = (host: string): readonly string[] =>
  host.includes('*') ? [host.replace('*', 'a'), host.replace('*', 'b.a'), host.slice(2)] : [host]

const hostOf = ({ from }: Route): string => /^https:\/\/([^/:]+)(?::443)?\/?$/.exec(from)?.[1] ?? ''

interface Configuration {
  readonly routes?: readonly Route[]
  readonly policy?: readonly Route[]
  /** At its host Pomerium answers itself. */
  readonly authenticate_service_url?: string
}

/** Questions are for port 443, where a route for another port, or for a tunnel, decides nothing. */
export function readPomerium(text: string): { asked: Asked; allows: (question: Question) => boolean } {
  const { routes, policy, authenticate_service_url: own = '' } = parse(text) as Configuration
  const all = routes ?? policy ?? []
  const isThere = (route: Route, { path }: Question): boolean => {
    if (route.path !== undefined) return path === route.path
    if (route.regex !== undefined) return new RegExp(`^(?:${route.regex.replace(/^\^|\$$/g, '')})$`).test(path)
    return path.startsWith(route.prefix ?? '/')
  }
  const atHost = (host: string): readonly Route[] => {
    const exact = all.filter(route => hostOf(route) === host)
    return exact.length > 0
      ? exact
      : all.filter(route => /^\*\./.test(hostOf(route)) && host.endsWith(hostOf(route).slice(1)))
  }
  const below = all.flatMap(({ policy: blocks = [] }) => JSON.stringify(blocks).match(/(?<=":")\/[a-z/]+/g) ?? [])
  return {
    asked: {
      hosts: [...all.flatMap(route => hostsOf(hostOf(route))), hostOf({ from: own })].filter(host => host !== ''),
      paths: [...all.flatMap(({ prefix, path, regex }) => prefix ?? path ?? regex ?? []), ...below],
    },
    allows: question => {
      const isOwn = question.host === hostOf({ from: own })
      const route = isOwn ? undefined : atHost(question.host).find(one => isThere(one, question))
      return route !== undefined && allowsBy(route, question)
    },
  }
}
