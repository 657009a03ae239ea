/** A cluster, an identity provider, and Sallyport with its gateway, as one thing that starts and stops. */
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freshSecret } from '../../secret.ts'
import { createAuthority } from '../certificates.ts'
import { type Child, startChild } from '../child.ts'
import { type Cluster, startCluster } from '../cluster/cluster.ts'
import type { ClusterPrograms } from '../cluster/programs.ts'
import { commandFile, repositoryRoot } from '../paths.ts'
import { freePort, listen, loopback } from '../ports.ts'
import { createDemoProvider } from '../provider/provider.ts'
import { clientId, providerName, StackError, waitFor } from '../stack.ts'
import { type Places, writePlaces } from './places.ts'
import { clusterName, gatewayUser, letGatewayImpersonate, prepareCluster } from './roles.ts'

export interface KubernetesStackOptions {
  readonly programs: ClusterPrograms
  /** Of the auth host. */
  readonly port: number
  readonly adminPort: number
  readonly onProgress: (step: string) => void
}

export interface KubernetesStack {
  /** Of the auth host. */
  readonly origin: string
  readonly gatewayUrl: string
  /** PEM: vouches for the gateway. */
  readonly authority: string
  readonly issuer: string
  /** What the login page asks for. */
  readonly code: string
  readonly adminUrl: string
  readonly directory: string
  readonly places: Places
  readonly sallyport: Child
  /** Resolves with what happened when a part ends that should not. */
  readonly died: Promise<string>
  readonly stop: () => Promise<void>
}

const policyDirectory = join(repositoryRoot, 'deploy/demo/kubernetes')

export async function startKubernetesStack(options: KubernetesStackOptions): Promise<KubernetesStack> {
  if (!existsSync(commandFile)) throw new StackError('Sallyport is not built yet: run `npm run build` first.', '')
  const undo: (() => Promise<unknown> | unknown)[] = []
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    return { ...(await startParts(options, undo)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

type Undo = (() => Promise<unknown> | unknown)[]

async function startParts(options: KubernetesStackOptions, undo: Undo): Promise<Omit<KubernetesStack, 'stop'>> {
  const { programs, port, adminPort, onProgress } = options
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-demo-'))
  // It holds secrets and sessions: gone at the end, however that comes.
  const forget = (): void => rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  process.once('exit', forget)
  undo.push(() => {
    process.off('exit', forget)
    forget()
  })

  onProgress('a Kubernetes cluster: etcd, API server, controller manager')
  const cluster = await beginCluster(programs, directory)
  undo.push(cluster.stop)
  await prepareCluster(cluster)

  onProgress('identity provider')
  const origin = `http://auth.localhost:${port}`
  const providerPort = await freePort()
  const client = { issuer: `http://idp.localhost:${providerPort}`, clientSecret: randomBytes(24).toString('base64url') }
  const code = freshCode()
  const provider = await createDemoProvider({
    ...client,
    clientId,
    redirectUris: [`${origin}/callback/${providerName}`],
    postLogoutRedirectUris: [`${origin}/signed-out`],
    code,
  })
  await listen(provider, providerPort)
  undo.push(() => {
    provider.closeAllConnections()
    provider.close()
  })

  onProgress('Sallyport and its gateway')
  const gateway = writeGateway(directory, cluster, await freePort())
  const places = writePlaces({
    directory,
    origin,
    gatewayUrl: gateway.url,
    authority: gateway.authority,
    kubectl: programs.kubectl['1.37'],
    clusterAuditLog: cluster.auditLogPath,
  })
  const adminAddress = `${loopback}:${adminPort}`
  const config = join(directory, 'sallyport.yaml')
  const content = {
    server: { url: origin, listen: `${loopback}:${port}` },
    admin: { listen: adminAddress },
    providers: [
      {
        name: providerName,
        label: 'Demo identity provider',
        clientId,
        ...client,
        scopes: ['profile', 'email', 'groups'],
      },
    ],
    sessions: { store: 'lmdb', path: join(directory, 'data'), secret: freshSecret() },
    policy: { directory: policyDirectory },
    audit: { destination: places.auditLog },
    kubernetes: gateway.settings,
  }
  writeFileSync(config, stringify(content), { mode: 0o600 })
  await letGatewayImpersonate(cluster, { config, directory, issuer: client.issuer })
  const args = [commandFile, 'serve', '--config', config]
  const sallyport = startChild({ name: 'sallyport', command: process.execPath, args })
  undo.push(() => sallyport.stop(12_000))
  // Behind the listeners that kill the programs: what is dead writes nothing into the folder.
  process.off('exit', forget)
  process.once('exit', forget)
  await waitFor(`http://${adminAddress}/readyz`, sallyport, 'Sallyport')
  const clusterDied = cluster.ended.catch((error: Error) => error.message)
  return {
    origin,
    gatewayUrl: gateway.url,
    authority: gateway.authority,
    issuer: client.issuer,
    code,
    adminUrl: `http://${adminAddress}`,
    directory,
    places,
    sallyport,
    died: Promise.race([sallyport.died, clusterDied]),
  }
}

async function beginCluster(programs: ClusterPrograms, parent: string): Promise<Cluster> {
  try {
    return await startCluster(programs, { parent, ownGroup: true })
  } catch (error) {
    throw new StackError('The cluster did not start.', error instanceof Error ? error.message : String(error))
  }
}

/**
 * Threat: everybody on this machine reaches the login page, and a shell in a pod of this demo is one of whoever started it.
 * Forty bits, without letters that look alike.
 */
function freshCode(): string {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  const letters = Array.from({ length: 8 }, () => alphabet[randomInt(alphabet.length)])
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`
}

/** What the gateway shows to kubectl, and what it shows to the cluster. */
function writeGateway(directory: string, cluster: Cluster, port: number) {
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const url = `https://${loopback}:${port}`
  const authority = createAuthority('Sallyport demo', directory)
  const listener = authority.issue(loopback, [`IP:${loopback}`])
  authority.close()
  const own = cluster.certificates.issueClient(gatewayUser)
  const settings = {
    url,
    listen: `${loopback}:${port}`,
    tls: {
      certificateFile: write('gateway.pem', listener.certificate),
      keyFile: write('gateway.key', listener.key),
      caFile: write('gateway-authority.pem', authority.certificate),
    },
    clusters: [
      {
        name: clusterName,
        server: cluster.url,
        caFile: write('cluster-authority.pem', cluster.authority),
        credential: {
          certificateFile: write('gateway-in-cluster.pem', own.certificate),
          keyFile: write('gateway-in-cluster.key', own.key),
        },
      },
    ],
  }
  return { url, authority: authority.certificate, settings }
}
