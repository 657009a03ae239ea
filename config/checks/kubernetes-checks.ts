/** What clusters need beyond the form of each of their settings. */

import type { CrossFinding } from '../secret-forms.ts'
import { getIn, isTree, type Path, type Tree, textAt } from '../tree.ts'
import { inForceAt } from './in-force.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkKubernetes(tree: Tree): CrossFinding[] {
  const clusters = getIn(tree, ['kubernetes', 'clusters'])
  const ofAll = [...checkGatewayHost(tree), ...checkSessionBinding(tree)]
  // Where no cluster is named, the schema says so, and a gateway is what is usually meant.
  if (!Array.isArray(clusters) || clusters.length === 0) return [...ofAll, ...checkMissing(tree)]
  const places = clusters.map((_, index): Path => ['kubernetes', 'clusters', index])
  const direct = places.filter(place => isDirect(tree, place))
  return [
    ...ofAll,
    ...(direct.length < places.length ? checkMissing(tree) : checkNeedless(tree)),
    ...(direct.length > 0 ? checkIssuer(tree) : []),
    ...checkNames(tree, places),
    ...places.flatMap(place => (isDirect(tree, place) ? checkDirect(tree, place) : checkCluster(tree, place))),
  ]
}

const isDirect = (tree: Tree, place: Path): boolean => textAt(tree, [...place, 'access']) === 'direct'

const listener: Readonly<Record<string, string>> = {
  url: 'an origin such as https://k8s.example.com',
  tls: 'settings such as certificateFile, keyFile, caFile',
}

function checkMissing(tree: Tree): CrossFinding[] {
  if (getIn(tree, ['kubernetes']) === undefined) return []
  return Object.entries(listener)
    .filter(([name]) => getIn(tree, ['kubernetes', name]) === undefined)
    .map(([name, form]) => ({ path: ['kubernetes', name], message: `is missing: expected ${form}` }))
}

// What is set and not used is believed to be in force.
function checkNeedless(tree: Tree): CrossFinding[] {
  const message = 'expected nothing: no cluster is behind the gateway, each has access: direct'
  return Object.keys(listener)
    .filter(name => getIn(tree, ['kubernetes', name]) !== undefined)
    .map(name => ({ path: ['kubernetes', name], message }))
}

// An API server fetches our keys over TLS alone, and knows no Ed25519: every token would be refused, and nobody would see why.
function checkIssuer(tree: Tree): CrossFinding[] {
  const [url, algorithm] = [
    ['server', 'url'],
    ['assertion', 'algorithm'],
  ]
  const isPlain = textAt(tree, url)?.startsWith('http:') === true
  return [
    ...(isPlain ? [{ path: url, message: 'expected https: clusters with access: direct fetch our keys there' }] : []),
    ...(inForceAt(tree, algorithm) === 'EdDSA'
      ? [{ path: algorithm, message: 'expected ES256: API servers, with access: direct, know no EdDSA' }]
      : []),
  ]
}

function checkDirect(tree: Tree, place: Path): CrossFinding[] {
  return [
    ...checkServer(tree, place),
    ...['credential', 'serverName'].flatMap((name): CrossFinding[] => {
      if (getIn(tree, [...place, name]) === undefined) return []
      return [
        { path: [...place, name], message: 'expected nothing beside access: direct, where nothing of ours calls' },
      ]
    }),
  ]
}

// Session cookies of the login pages would be sent to the gateway, and pages of one could act as the other.
function checkGatewayHost(tree: Tree): CrossFinding[] {
  const path = ['kubernetes', 'url']
  const [own, pages] = [path, ['server', 'url']].map(place => hostOf(textAt(tree, place)))
  if (own === undefined || own !== pages) return []
  return [{ path, message: 'expected a host of its own, got that of server.url' }]
}

const hostOf = (text: string | undefined): string | undefined =>
  text !== undefined && URL.canParse(text) ? new URL(text).hostname : undefined

// A token that works without the certificate would be the way around it.
function checkSessionBinding(tree: Tree): CrossFinding[] {
  const path = ['sessions', 'bindTo']
  if (getIn(tree, ['kubernetes']) === undefined || textAt(tree, path) !== 'client-certificate') return []
  const message = 'expected none beside kubernetes: kubectl has no way to show the certificate of the browser'
  return [{ path, message }]
}

// Rows of one cluster would hold in the other.
function checkNames(tree: Tree, places: readonly Path[]): CrossFinding[] {
  const names = places.map(place => textAt(tree, [...place, 'name']))
  return names.flatMap((name, index): CrossFinding[] => {
    if (name === undefined || names.indexOf(name) === index) return []
    return [
      { path: ['kubernetes', 'clusters', index, 'name'], message: 'expected a name of its own, got that of another' },
    ]
  })
}

function checkCluster(tree: Tree, place: Path): CrossFinding[] {
  const credential = getIn(tree, [...place, 'credential'])
  if (credential !== undefined && !isTree(credential)) return []
  const section = [...place, 'credential']
  const kinds = kindsIn(tree, section)
  const [kind] = kinds
  if (kinds.length > 1) {
    return [{ path: section, message: `expected one kind of credential, got ${kinds.join(' and ')}` }]
  }
  if (kind === undefined) {
    const message =
      'is missing: expected one of tokenFile, certificateFile with keyFile, kubeconfigFile, or inCluster: true'
    return [{ path: section, message }]
  }
  const knowsItself = kind === 'kubeconfigFile' || kind === 'inCluster'
  return [
    ...(kind === 'certificateFile' ? checkHalves(tree, section) : []),
    ...(knowsItself ? checkUnused(tree, place, kind) : checkServer(tree, place)),
  ]
}

/** What is there of each kind; either half of a client certificate stands for it. */
function kindsIn(tree: Tree, section: Path): string[] {
  const isThere = (name: string): boolean => getIn(tree, [...section, name]) !== undefined
  return [
    ...(isThere('tokenFile') ? ['tokenFile'] : []),
    ...(isThere('certificateFile') || isThere('keyFile') ? ['certificateFile'] : []),
    ...(isThere('kubeconfigFile') ? ['kubeconfigFile'] : []),
    // `inCluster: false` is what a template writes for every other cluster.
    ...(String(inForceAt(tree, [...section, 'inCluster'])) === 'true' ? ['inCluster'] : []),
  ]
}

const checkHalves = (tree: Tree, section: Path): CrossFinding[] =>
  [
    ['certificateFile', 'keyFile'],
    ['keyFile', 'certificateFile'],
  ].flatMap(([name = '', other]): CrossFinding[] => {
    if (getIn(tree, [...section, name]) !== undefined) return []
    return [{ path: [...section, name], message: `is missing: expected a path beside ${other}` }]
  })

function checkServer(tree: Tree, place: Path): CrossFinding[] {
  if (getIn(tree, [...place, 'server']) !== undefined) return []
  return [
    {
      path: [...place, 'server'],
      message: 'is missing: expected the address of the API server, https://10.0.0.1:6443',
    },
  ]
}

// What is set and not used is believed to be in force.
const checkUnused = (tree: Tree, place: Path, kind: string): CrossFinding[] =>
  ['server', 'caFile', 'serverName'].flatMap((name): CrossFinding[] => {
    if (getIn(tree, [...place, name]) === undefined) return []
    return [{ path: [...place, name], message: `expected nothing here beside ${kind}, which says it by itself` }]
  })
