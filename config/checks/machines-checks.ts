/** What issuers of bearer tokens, and hosts that take them, need beyond the form of each of their settings. */
import { suggestion } from '../../spelling/nearest.ts'
import { type CrossFinding, checkSecretForms } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { inForceAt } from './in-force.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkMachines(tree: Tree): CrossFinding[] {
  const places = placesIn(tree, ['machines', 'issuers'])
  return [
    ...checkUnlike(tree, places, 'name'),
    ...checkClusterNames(tree, places),
    ...places.flatMap((place, index) => [
      ...checkSameIssuer(tree, places, index),
      ...checkProviderOfName(tree, place),
      ...checkKeys(tree, place),
      ...checkAudience(tree, place),
      ...checkOwnSettings(tree, place),
      ...checkPeople(tree, place),
      ...checkNotOurs(tree, place),
      ...checkIntrospection(tree, place),
    ]),
    ...checkHosts(tree, places),
    ...checkLogins(tree),
  ]
}

// A token that works without the certificate would be the way around it.
function checkLogins(tree: Tree): CrossFinding[] {
  const path = ['machines', 'exchange', 'people']
  if (getIn(tree, path) !== true || inForceAt(tree, ['sessions', 'bindTo']) !== 'client-certificate') return []
  return [{ path, message: 'expected false beside sessions.bindTo: a token is not bound to the certificate' }]
}

function placesIn(tree: Tree, list: Path): Path[] {
  const entries = getIn(tree, list)
  return Array.isArray(entries) ? entries.map((_, index) => [...list, index]) : []
}

function checkUnlike(tree: Tree, places: readonly Path[], name: string): CrossFinding[] {
  const values = places.map(place => textAt(tree, [...place, name]))
  return values.flatMap((value, index): CrossFinding[] => {
    if (value === undefined || values.indexOf(value) === index) return []
    const path = [...(places[index] ?? []), name]
    return [{ path, message: `expected a ${name} of its own, got that of another issuer` }]
  })
}

const kindOf = (tree: Tree, place: Path): string | undefined => textAt(tree, [...place, 'kind'])

// Service accounts of one cluster would be those of another.
function checkClusterNames(tree: Tree, places: readonly Path[]): CrossFinding[] {
  const named = places.filter(place => kindOf(tree, place) === 'kubernetes')
  const names = named.map(place => textAt(tree, [...place, 'cluster']) ?? textAt(tree, [...place, 'name']))
  return names.flatMap((name, index): CrossFinding[] => {
    if (name === undefined || names.indexOf(name) === index) return []
    return [
      {
        path: [...(named[index] ?? []), 'cluster'],
        message: 'expected a cluster of its own, got that of another issuer',
      },
    ]
  })
}

// Clusters often call their issuer alike, and their keys tell them apart. With any other kind nothing would.
function checkSameIssuer(tree: Tree, places: readonly Path[], index: number): CrossFinding[] {
  const path = [...(places[index] ?? []), 'issuer']
  const issuer = textAt(tree, path)
  const earlier = places.slice(0, index).filter(place => textAt(tree, [...place, 'issuer']) === issuer)
  const all = [...earlier, places[index] ?? []]
  if (issuer === undefined || earlier.length === 0 || all.every(place => kindOf(tree, place) === 'kubernetes'))
    return []
  return [
    { path, message: 'expected an issuer of its own: only kubernetes issuers may share one, told apart by their keys' },
  ]
}

// `client:corp/robot` and `group:corp/ops` would come from two sources under one name.
function checkProviderOfName(tree: Tree, place: Path): CrossFinding[] {
  const name = textAt(tree, [...place, 'name'])
  const twin = placesIn(tree, ['providers']).find(provider => textAt(tree, [...provider, 'name']) === name)
  if (name === undefined || twin === undefined) return []
  if (textAt(tree, [...twin, 'issuer']) === textAt(tree, [...place, 'issuer'])) return []
  return [
    { path: [...place, 'name'], message: 'expected a name of its own, got that of a provider with another issuer' },
  ]
}

function checkKeys(tree: Tree, place: Path): CrossFinding[] {
  const isThere = (name: string): boolean => getIn(tree, [...place, name]) !== undefined
  const unused = (name: string, why: string): CrossFinding[] =>
    isThere(name) ? [{ path: [...place, name], message: `expected nothing: ${why}` }] : []
  const isMissing = kindOf(tree, place) === 'kubernetes' && !isThere('jwksUri') && !isThere('jwksFile')
  return [
    ...(isMissing
      ? [{ path: [...place, 'jwksUri'], message: 'is missing: expected it, or jwksFile, for a cluster' }]
      : []),
    ...(isThere('jwksFile')
      ? ['jwksUri', 'caFile', 'tokenFile'].flatMap(name => unused(name, 'jwksFile holds the keys'))
      : []),
    // The token would be sent to whatever a discovery document names.
    ...(isThere('jwksUri') ? [] : unused('tokenFile', 'it is sent to jwksUri alone')),
  ]
}

// Tokens that are made for others would open doors here, and applications could use ours there.
function checkAudience(tree: Tree, place: Path): CrossFinding[] {
  const path = [...place, 'audience']
  const audience = textAt(tree, path)
  if (audience === undefined) return []
  const issuer = textAt(tree, [...place, 'issuer'])
  if (kindOf(tree, place) === 'kubernetes' && isOfApiServer(audience, issuer)) {
    return [{ path, message: 'expected an audience of its own, such as sallyport, got that of the API server' }]
  }
  const isClient = placesIn(tree, ['providers']).some(
    provider =>
      textAt(tree, [...provider, 'issuer']) === issuer && textAt(tree, [...provider, 'clientId']) === audience,
  )
  if (!isClient) return []
  return [
    {
      path,
      message: 'expected an audience of its own, got the clientId of a provider: that is whom ID tokens are for',
    },
  ]
}

const isOfApiServer = (audience: string, issuer: string | undefined): boolean =>
  audience === issuer || /^(?:https:\/\/)?kubernetes(?:\.default(?:\.svc(?:\..+)?)?)?$/.test(audience)

/** Which kinds a setting is there for. */
const kindsOfSetting: Readonly<Record<string, readonly string[]>> = {
  cluster: ['kubernetes'],
  provider: ['openid'],
  introspection: ['openid'],
  review: ['kubernetes'],
  clientClaim: ['github-actions', 'gitlab-ci', 'generic'],
}

// What is set and not used is believed to be in force.
function checkOwnSettings(tree: Tree, place: Path): CrossFinding[] {
  const kind = kindOf(tree, place)
  return Object.entries(kindsOfSetting).flatMap(([name, kinds]): CrossFinding[] => {
    if (kind === undefined || kinds.includes(kind) || getIn(tree, [...place, name]) === undefined) return []
    return [{ path: [...place, name], message: `expected nothing: it is for ${kinds.join(', ')}` }]
  })
}

function checkPeople(tree: Tree, place: Path): CrossFinding[] {
  const path = [...place, 'provider']
  const name = textAt(tree, path)
  if (name === undefined) return []
  const providers = placesIn(tree, ['providers'])
  const names = providers.flatMap(provider => textAt(tree, [...provider, 'name']) ?? [])
  const found = providers.find(provider => textAt(tree, [...provider, 'name']) === name)
  if (found === undefined) return [{ path, message: `there is no such provider${suggestion(name, names)}` }]
  if (textAt(tree, [...found, 'issuer']) !== textAt(tree, [...place, 'issuer'])) {
    return [{ path, message: 'expected a provider with the same issuer' }]
  }
  // A token that works without the certificate would be the way around it.
  if (inForceAt(tree, ['sessions', 'bindTo']) !== 'client-certificate') return []
  return [{ path, message: 'expected nothing beside sessions.bindTo: a token is not bound to the certificate' }]
}

// An assertion that an application got, or a token of kubectl, would open other hosts.
function checkNotOurs(tree: Tree, place: Path): CrossFinding[] {
  const path = [...place, 'issuer']
  const issuer = textAt(tree, path)
  const url = textAt(tree, ['server', 'url'])?.replace(/\/$/, '')
  const isOurs =
    issuer !== undefined &&
    (issuer === textAt(tree, ['assertion', 'issuer']) || issuer === url || issuer.startsWith(`${url}/`))
  return isOurs
    ? [{ path, message: 'expected an issuer of its own, got this service: write bearerFrom: [sallyport]' }]
    : []
}

function checkIntrospection(tree: Tree, place: Path): CrossFinding[] {
  const path = [...place, 'introspection']
  return getIn(tree, path) === undefined ? [] : checkSecretForms(tree, path, 'clientSecret', true)
}

// An opaque token does not say whose it is: of two, one would be sent what is for the other.
function checkReaders(tree: Tree, host: Path, issuers: readonly Path[]): CrossFinding[] {
  const names = getIn(tree, [...host, 'bearerFrom'])
  const readers = issuers.filter(place => {
    const isTaken = Array.isArray(names) && names.includes(textAt(tree, [...place, 'name']))
    return isTaken && getIn(tree, [...place, 'introspection']) !== undefined
  })
  if (readers.length < 2) return []
  return [
    {
      path: [...host, 'bearerFrom'],
      message: 'expected at most one issuer with introspection: an opaque token does not say whose it is',
    },
  ]
}

const bearerNames = ['bearerFrom', 'bearerAudience', 'bearerHeader']

function checkHosts(tree: Tree, issuers: readonly Path[]): CrossFinding[] {
  const hasExchange = getIn(tree, ['machines', 'exchange']) !== undefined
  const named = issuers.flatMap(place => textAt(tree, [...place, 'name']) ?? [])
  const known = hasExchange ? [...named, 'sallyport'] : named
  const hosts = placesIn(tree, ['hosts'])
  const takesAny = hosts.some(host => getIn(tree, [...host, 'bearerFrom']) !== undefined)
  const identityHeaders = ['user', 'email', 'name', 'groups', 'assertion'].map(name =>
    String(inForceAt(tree, ['headers', name])).toLowerCase(),
  )
  return hosts.flatMap(host => {
    const names = getIn(tree, [...host, 'bearerFrom'])
    const unknown = (Array.isArray(names) ? names : []).flatMap((name, index): CrossFinding[] => {
      if (typeof name !== 'string' || known.includes(name)) return []
      const what =
        name === 'sallyport' ? 'is missing: machines.exchange' : `there is no such issuer${suggestion(name, known)}`
      return [{ path: [...host, 'bearerFrom', index], message: what }]
    })
    const idle = bearerNames.slice(1).flatMap((name): CrossFinding[] => {
      if (takesAny || getIn(tree, [...host, name]) === undefined) return []
      return [{ path: [...host, name], message: 'expected nothing: no host has bearerFrom' }]
    })
    const isOwnAlone = Array.isArray(names) && names.every(name => name === 'sallyport')
    const unused = isOwnAlone && getIn(tree, [...host, 'bearerAudience']) !== undefined
    const path = [...host, 'bearerHeader']
    const isTaken = identityHeaders.includes(textAt(tree, path)?.toLowerCase() ?? '')
    return [
      ...unknown,
      ...checkReaders(tree, host, issuers),
      ...idle,
      ...(unused
        ? [
            {
              path: [...host, 'bearerAudience'],
              message: 'expected nothing: tokens of sallyport are for the host itself',
            },
          ]
        : []),
      ...(isTaken ? [{ path, message: 'expected a header of its own, got an identity header' }] : []),
    ]
  })
}
