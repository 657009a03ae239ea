/** A cluster that knows the kinds of gateways. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { RunningCluster } from '../cluster.ts'

/** The kinds that are printed; others of the same modules would only take time. */
const printed = new Set([
  'AuthorizationPolicy',
  'BackendTLSPolicy',
  'ClientTrafficPolicy',
  'ContourConfiguration',
  'DestinationRule',
  'EnvoyFilter',
  'ExtensionService',
  'HTTPProxy',
  'HTTPRoute',
  'HTTPRouteFilter',
  'ReferenceGrant',
  'SecurityPolicy',
])

/** Traefik watches all of its own; of kgateway's there are only those that are printed. */
const whole = new Set(['traefik.io', 'gateway.kgateway.dev'])

interface Definition {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec?: { readonly group: string; readonly names: { readonly kind: string } }
}

/** Makes the kinds known, and waits until they are. */
export async function addKinds(cluster: RunningCluster, texts: readonly string[], directory: string): Promise<void> {
  const wanted = texts
    .flatMap(text => parseAllDocuments(text))
    .filter(document => {
      const definition = document.toJS() as Definition | null
      if (definition?.kind !== 'CustomResourceDefinition' || definition.spec === undefined) return false
      return printed.has(definition.spec.names.kind) || whole.has(definition.spec.group)
    })
  const file = join(directory, 'kinds.yaml')
  writeFileSync(file, wanted.map(document => `---\n${document.toString()}`).join(''))
  // Some are too long for the annotation that a client-side apply writes.
  await must(cluster, ['apply', '--server-side', '-f', file])
  await must(cluster, ['wait', '--for=condition=Established', '--timeout=120s', 'crd', '--all'])
}

/** Throws with what kubectl said when it did not end with 0. */
export async function must(cluster: RunningCluster, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl({ version: '1.37', args })
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** Makes the objects that the text holds, as `kubectl apply --server-side` does. */
export async function applied(cluster: RunningCluster, text: string): Promise<void> {
  const args = ['apply', '--server-side', '--validate=strict', '-f', '-']
  const { code, stderr } = await cluster.kubectl({ version: '1.37', args, stdin: text })
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
}
