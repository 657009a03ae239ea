/** What the settings of the questions of applications need of each other, and of the rest. */
import { suggestion } from '../../spelling/nearest.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { getIn, type Path, type Tree, textAt } from '../tree.ts'

/** Works on the tree, as everything in cross-checks.ts. */
export function checkAuthzen(tree: Tree): CrossFinding[] {
  if (getIn(tree, ['authzen']) === undefined) return []
  return [
    ...checkCallers(tree),
    ...checkNames(tree, ['authzen', 'bearerFrom'], ['machines', 'issuers']),
    ...checkNames(tree, ['authzen', 'certificateFrom'], ['machines', 'certificates']),
    ...checkProvider(tree),
    ...checkApplications(tree),
  ]
}

const isThere = (tree: Tree, name: string): boolean => getIn(tree, ['authzen', name]) !== undefined

// Questions that nobody can ask are believed to be answered; a token for another host would ask them.
function checkCallers(tree: Tree): CrossFinding[] {
  const missing = (name: string, why: string): CrossFinding => ({
    path: ['authzen', name],
    message: `is missing: ${why}`,
  })
  const [hasBearer, hasCertificate] = [isThere(tree, 'bearerFrom'), isThere(tree, 'certificateFrom')]
  const needsHeader = hasCertificate && getIn(tree, ['server', 'clientCertificateHeader']) === undefined
  return [
    ...(hasBearer || hasCertificate ? [] : [missing('bearerFrom', 'expected it, or certificateFrom: who may ask')]),
    ...(hasBearer && !isThere(tree, 'bearerAudience')
      ? [missing('bearerAudience', 'expected an audience that tokens have for these questions alone')]
      : []),
    ...(needsHeader
      ? [
          {
            path: ['authzen', 'certificateFrom'],
            message: 'expected server.clientCertificateHeader beside it: no certificate ever arrives',
          },
        ]
      : []),
    ...checkAudience(tree),
  ]
}

// With the audience of an issuer, or of a host, every token for that would ask here as well.
function checkAudience(tree: Tree): CrossFinding[] {
  const path = ['authzen', 'bearerAudience']
  const audience = textAt(tree, path)
  const places = [
    ...entriesOf(tree, ['machines', 'issuers']).map(place => [...place, 'audience']),
    ...entriesOf(tree, ['hosts']).map(place => [...place, 'bearerAudience']),
  ]
  if (audience === undefined || places.every(place => textAt(tree, place) !== audience)) return []
  return [{ path, message: 'expected an audience of its own, got that of an issuer or of a host' }]
}

function entriesOf(tree: Tree, list: Path): Path[] {
  const entries = getIn(tree, list)
  return Array.isArray(entries) ? entries.map((_, index) => [...list, index]) : []
}

const namesIn = (tree: Tree, list: Path): string[] =>
  entriesOf(tree, list).flatMap(place => textAt(tree, [...place, 'name']) ?? [])

function checkNames(tree: Tree, path: Path, list: Path): CrossFinding[] {
  const [names, known] = [getIn(tree, path), namesIn(tree, list)]
  if (!Array.isArray(names)) return []
  return names.flatMap((name, index): CrossFinding[] =>
    typeof name !== 'string' || known.includes(name)
      ? []
      : [
          {
            path: [...path, index],
            message: `expected a name of ${list.join('.')}, got "${name}"${suggestion(name, known)}`,
          },
        ],
  )
}

function checkProvider(tree: Tree): CrossFinding[] {
  const path = ['authzen', 'provider']
  const [name, known] = [textAt(tree, path), namesIn(tree, ['providers'])]
  if (name === undefined || known.includes(name)) return []
  return [{ path, message: `expected the name of a provider, got "${name}"${suggestion(name, known)}` }]
}

// One type in two applications would be judged by the rows of one of them, and by which nobody could tell.
function checkApplications(tree: Tree): CrossFinding[] {
  const places = entriesOf(tree, ['authzen', 'applications'])
  const [names, types] = [new Set<string>(), new Set<string>(['url'])]
  return places.flatMap((place): CrossFinding[] => {
    const path = [...place, 'name']
    const name = textAt(tree, path)
    const repeated = name !== undefined && names.has(name) ? [{ path, message: 'expected a name of its own' }] : []
    if (name !== undefined) names.add(name)
    return [...repeated, ...checkTypes(tree, place, types)]
  })
}

function checkTypes(tree: Tree, place: Path, taken: Set<string>): CrossFinding[] {
  const path = [...place, 'types']
  const types = getIn(tree, path)
  if (!Array.isArray(types)) return []
  return types.flatMap((type, index): CrossFinding[] => {
    if (typeof type !== 'string') return []
    const message =
      type === 'url'
        ? 'expected another word: url stands for addresses behind the proxies'
        : 'expected a type that no other entry has'
    const isTaken = taken.has(type)
    taken.add(type)
    return isTaken ? [{ path: [...path, index], message }] : []
  })
}
