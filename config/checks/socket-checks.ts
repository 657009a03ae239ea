/** Unix sockets: what their settings need of each other, and who may open their files. */
import { parseSocketMode } from '../schema/listen-place.ts'
import type { CrossFinding } from '../secret-forms.ts'
import { type Tree, textAt } from '../tree.ts'
import type { SecurityFinding } from './security-finding.ts'

const listeners = ['server', 'admin', 'envoy'] as const

/** What the example says, which may stand in a file and changes nothing. */
const usualModes: Readonly<Record<string, string>> = { server: '0660', admin: '0600', envoy: '0660' }

const isSocket = (tree: Tree, listener: string): boolean =>
  textAt(tree, [listener, 'listen'])?.startsWith('unix:') === true

/** Threat: somebody believes that a listener on a port is kept by the permissions of a file. */
export function checkSockets(tree: Tree): CrossFinding[] {
  return listeners
    .filter(listener => !isSocket(tree, listener))
    .flatMap(listener => ['socketMode', 'socketOwner'].map(name => [listener, name]))
    .filter(path => ![undefined, usualModes[path[0] ?? '']].includes(textAt(tree, path)))
    .map(path => ({ path, message: `expected unix: and a path in ${path[0]}.listen: a port has no such thing` }))
}

// Whoever may write to the socket is believed as a proxy is: says which request is judged, and from where it comes.
export function checkSocketModes(tree: Tree): SecurityFinding[] {
  return listeners.flatMap((listener): SecurityFinding[] => {
    const path = [listener, 'socketMode']
    const text = textAt(tree, path)
    if (!isSocket(tree, listener) || text === undefined || !isOpenToAll(text)) return []
    return [
      {
        name: 'socket-mode',
        path,
        message: 'everybody on the machine may open this socket; its permissions are all that keeps it',
      },
    ]
  })
}

function isOpenToAll(text: string): boolean {
  try {
    return (parseSocketMode(text) & 0o002) !== 0
  } catch {
    return false
  }
}
