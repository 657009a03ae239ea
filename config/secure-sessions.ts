/** Insecure settings of sessions: a secret that can be guessed, and a store that is reached in the clear. */
import { isLoopback } from './loopback.ts'
import { type SecurityFinding, urlOf } from './security-finding.ts'
import { type Tree, textAt } from './tree.ts'
import { weaknessOf } from './weak-secrets.ts'

export const checkSessions = (tree: Tree): SecurityFinding[] => [...checkSecret(tree), ...checkRedis(tree)]

// Whoever guesses this secret can forge every cookie and read every stored session.
function checkSecret(tree: Tree): SecurityFinding[] {
  const path = ['sessions', 'secret']
  const secret = textAt(tree, path)
  const weakness = secret === undefined || secret === '' ? undefined : weaknessOf(secret)
  if (weakness === undefined) return []
  return [{ name: 'secret', path, message: `the secret ${weakness}; \`sallyport secret\` prints a good one` }]
}

function checkRedis(tree: Tree): SecurityFinding[] {
  const path = ['sessions', 'url']
  const url = urlOf(textAt(tree, path))
  if (url?.protocol !== 'redis:' || isLoopback(url.hostname)) return []
  const what = url.password === '' ? 'sealed sessions cross' : 'its password and sealed sessions cross'
  return [{ path, message: `Redis is reached without TLS: ${what} the network in the clear; use rediss://` }]
}
