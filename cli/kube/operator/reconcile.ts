/** Makes the role of the gateway in a cluster the exact one: once, or again and again. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { accessTo } from '../../../app/compose/clusters/cluster-access.ts'
import {
  type ChangingCluster,
  createChangingCluster,
} from '../../../app/kubernetes/gateway/upstream/changing-cluster.ts'
import { readKubeconfig } from '../../../app/kubernetes/gateway/upstream/kubeconfig.ts'
import { createApiCalls } from '../../../app/kubernetes/rights/api-calls.ts'
import { type RoleChange, reconcileRole } from '../../../app/kubernetes/rights/reconcile.ts'
import { reportError } from '../../report-error.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import type { ReconcileChoice } from './choice.ts'
import { exactRoleOf, notCoveredText, type RoleOfCluster } from './exact-role.ts'

export async function runReconcile(choice: ReconcileChoice, terminal: Terminal): Promise<number> {
  const { everySeconds } = choice
  if (everySeconds === undefined) return reconcileOnce(choice, terminal)
  const ending = new AbortController()
  const end = (): void => ending.abort()
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  let told = ''
  const once = { ...terminal, writeError: tellOnce }
  while (!ending.signal.aborted) {
    // A service that restarts, a policy that is being edited: the role stays as it is until all of it can be read again.
    await reconcileOnce(choice, once, ending.signal).catch((error: unknown) => {
      if (!ending.signal.aborted) reportError(error, once)
    })
    await delay(everySeconds * 1000, undefined, { signal: ending.signal }).catch(() => undefined)
  }
  return exitCodes.ok

  function tellOnce(text: string): void {
    if (text !== told) terminal.writeError(text)
    told = text
  }
}

/** @param signal ends it at once, whoever does not answer */
async function reconcileOnce(choice: ReconcileChoice, terminal: Terminal, signal?: AbortSignal): Promise<number> {
  const found = await exactRoleOf(choice, terminal, signal)
  const { cluster, mode, role } = found
  const upstream = openCluster(choice, found, terminal)
  const close = (): void => upstream.close()
  signal?.addEventListener('abort', close, { once: true })
  try {
    const isDryRun = choice.isDryRun
    const { changes, absentNamespaces } = await reconcileRole({
      call: createApiCalls(upstream.current),
      cluster: cluster.name,
      role,
      isDryRun,
    })
    const notCovered = [...role.notCovered, ...absentNamespaces.map(notThere)]
    if (choice.json) {
      if (choice.everySeconds === undefined || changes.length > 0)
        terminal.write(`${JSON.stringify({ cluster: cluster.name, mode, isDryRun, changes, notCovered })}\n`)
      return exitCodes.ok
    }
    if (changes.length > 0 || choice.everySeconds === undefined) terminal.write(changesText(changes, found, isDryRun))
    terminal.writeError(notCoveredText({ notCovered }))
    return exitCodes.ok
  } finally {
    signal?.removeEventListener('abort', close)
    upstream.close()
  }
}

const notThere = (namespace: string) => ({
  who: `what rows allow in ${namespace}`,
  why: 'there is no such namespace yet; the role is made in it by the next run after it',
})

function openCluster(
  { kubeconfig, context }: ReconcileChoice,
  { cluster }: RoleOfCluster,
  terminal: Terminal,
): ChangingCluster {
  const access = kubeconfig === undefined ? accessTo(cluster) : accessBy(resolve(terminal.cwd, kubeconfig), context)
  return createChangingCluster({
    name: cluster.name,
    access,
    onError: error => void reportError(error, terminal),
  })
}

const accessBy = (path: string, context: string | undefined) =>
  readKubeconfig(readFileSync(path, 'utf8'), { path, ...(context !== undefined && { context }) })

function changesText(changes: readonly RoleChange[], { cluster, mode }: RoleOfCluster, isDryRun: boolean): string {
  if (changes.length === 0) return `${cluster.name}: the role is the exact one\n`
  const lines = changes.flatMap(({ object, kind, added, removed }) => [
    `${object} ${isDryRun ? 'would be ' : ''}${kind}`,
    ...added.map(word => `  + ${word}`),
    ...removed.map(word => `  - ${word}`),
  ])
  const isLate = mode === 'constrained' && !isDryRun && changes.some(({ removed }) => removed.length > 0)
  if (isLate) lines.push('What was taken away goes on working for up to 10 seconds: the API server remembers it.')
  return `${lines.join('\n')}\n`
}
