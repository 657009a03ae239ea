/** Insecure settings of sessions: a secret that can be guessed, and a store that is reached in the clear. */

import { linesOf } from '../secret-files.ts'
import { getIn, type Tree, textAt } from '../tree.ts'
import { isLoopback } from './loopback.ts'
import { type SecurityFinding, urlOf } from './security-finding.ts'
import { weaknessOf } from './weak-secrets.ts'

export const checkSessions = (tree: Tree): SecurityFinding[] => [...checkSecret(tree), ...checkRedis(tree)]

// Whoever guesses this secret can forge every cookie and read every stored session.
function checkSecret(tree: Tree): SecurityFinding[] {
  const path = ['sessions', 'secret']
  const secrets = linesOf(textAt(tree, path) ?? '')
  return secrets.flatMap((secret, index): SecurityFinding[] => {
    const weakness = weaknessOf(secret)
    if (weakness === undefined) return []
    // Each of them opens doors: one that is on its way out has to be as good as the one that replaces it.
    const which = secrets.length === 1 ? 'the secret' : `the secret on line ${index + 1}`
    return [{ name: 'secret', path, message: `${which} ${weakness}; \`sallyport secret\` prints a good one` }]
  })
}

function checkRedis(tree: Tree): SecurityFinding[] {
  const path = ['sessions', 'url']
  const url = urlOf(textAt(tree, path))
  if (url?.protocol !== 'redis:') return []
  const hosts = [url.hostname, ...nodeHosts(tree)]
  if (hosts.every(isLoopback)) return []
  const what = url.password === '' ? 'sealed sessions cross' : 'its password and sealed sessions cross'
  return [{ path, message: `Redis is reached without TLS: ${what} the network in the clear; use rediss://` }]
}

function nodeHosts(tree: Tree): string[] {
  const nodes = getIn(tree, ['sessions', 'nodes'])
  if (!Array.isArray(nodes)) return []
  return nodes.flatMap(node => (typeof node === 'string' ? [urlOf(`redis://${node}`)?.hostname ?? ''] : []))
}
