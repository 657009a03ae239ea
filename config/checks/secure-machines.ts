/** What can make issuers of bearer tokens insecure. Works on the tree, as enforce-secure.ts, which calls it. */
import { getIn, type Path, type Tree, textAt } from '../tree.ts'
import { isLoopback } from './loopback.ts'
import { type SecurityFinding, urlOf } from './security-finding.ts'

export function checkTokenIssuers(tree: Tree): SecurityFinding[] {
  const issuers = getIn(tree, ['machines', 'issuers'])
  if (!Array.isArray(issuers)) return []
  return issuers.flatMap((_, index): SecurityFinding[] => {
    const place: Path = ['machines', 'issuers', index]
    return [...checkKeyAddress(tree, place), ...checkAskedAddress(tree, place), ...checkWideClients(tree, place)]
  })
}

// Whoever changes the keys on the way makes tokens for anybody.
function checkKeyAddress(tree: Tree, place: Path): SecurityFinding[] {
  if (getIn(tree, [...place, 'jwksFile']) !== undefined) return []
  const path = [...place, getIn(tree, [...place, 'jwksUri']) === undefined ? 'issuer' : 'jwksUri']
  const url = urlOf(textAt(tree, path))
  if (url?.protocol !== 'http:' || isLoopback(url.hostname)) return []
  return [{ name: 'http-issuer', path, message: 'expected an https address; http is for localhost only' }]
}

// Whoever listens reads tokens and the secret of the client, and whoever answers makes anybody of them.
function checkAskedAddress(tree: Tree, place: Path): SecurityFinding[] {
  if (getIn(tree, [...place, 'introspection']) === undefined) return []
  const own = [...place, 'introspection', 'endpoint']
  const path = getIn(tree, own) === undefined ? [...place, 'issuer'] : own
  const url = urlOf(textAt(tree, path))
  if (url?.protocol !== 'http:' || isLoopback(url.hostname)) return []
  return [{ name: 'http-issuer', path, message: 'expected an https address; http is for localhost only' }]
}

// `repository` names every workflow of a repository, on every branch and for every pull request.
function checkWideClients(tree: Tree, place: Path): SecurityFinding[] {
  const path = [...place, 'clientClaim']
  const claim = textAt(tree, path)
  const kind = textAt(tree, [...place, 'kind']) ?? ''
  if (claim === undefined || claim === 'sub' || !['github-actions', 'gitlab-ci'].includes(kind)) return []
  const message = `every job with the same ${claim} is one client, whatever its branch, environment or trigger: ask for these in conditions`
  return [{ path, message }]
}
