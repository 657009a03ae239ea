/** The service with a gateway, a policy for its cluster, and a token of Alice's session. */
import { writeFileSync } from 'node:fs'
import { signJwt } from '../../app/assertion/sign.ts'
import { createSigningKeys, type StoredKey } from '../../app/assertion/signing-keys.ts'
import { systemClock } from '../../app/clock.ts'
import { audienceOf, issuerOf } from '../../app/grants/dependencies.ts'
import { createKubeTokens } from '../../app/grants/kube-tokens.ts'
import { createSeal, sessionDigestOf } from '../../app/sessions/records/seal.ts'
import { createSharedStore } from '../../app/sessions/records/sealed-records.ts'
import { aliceLogin, limits, openRecords, type SessionPlace } from '../planted-sessions.ts'
import type { Resources } from '../resources.ts'
import { createServiceFolder, type ServiceFolder } from '../service-folder.ts'
import type { BareGateway } from './bare-gateway.ts'
import type { CallTarget } from './call-generator.ts'
import { aliceGroups, type BenchCluster, gatewayUser } from './gateway-cluster.ts'

export const gatewayHost = 'k8s.example.com'
const gatewayUrl = `https://${gatewayHost}`
const clusterName = 'prod'
const prefix = `/clusters/${clusterName}`
/** Of the keys that sign tokens: the same for the token made here and for the service that believes it. */
const assertion = { algorithm: 'ES256', rotateEvery: '30d' } as const
const rotateEverySeconds = 30 * 86_400

const hostRows = 1_000
const teams = 150

export interface GatewayFolder extends ServiceFolder {
  /** As whom and how each of both is asked; `port` of the gateway is of a process. */
  readonly direct: CallTarget
  readonly gateway: (port: number) => CallTarget
  /** A file for the bare gateway, which has the credential and the certificate of the gateway. */
  readonly bareFile: string
}

export async function createGatewayFolder(cluster: BenchCluster, resources: Resources): Promise<GatewayFolder> {
  const { certificates, file } = cluster
  const own = certificates.issueClient(gatewayUser)
  const listener = certificates.issueServer(gatewayHost)
  const write = (name: string, text: string): string => {
    writeFileSync(file(name), text, { mode: 0o600 })
    return file(name)
  }
  const kubernetes = {
    url: gatewayUrl,
    listen: '127.0.0.1:0',
    tls: { certificateFile: write('tls.pem', listener.certificate), keyFile: write('tls.key', listener.key) },
    clusters: [
      {
        name: clusterName,
        server: cluster.url,
        caFile: write('cluster-ca.pem', cluster.authority),
        credential: {
          certificateFile: write('gateway.pem', own.certificate),
          keyFile: write('gateway.key', own.key),
        },
      },
    ],
  }
  const folder = await createServiceFolder(
    { rows: hostRows, furtherRows: clusterRows(), settings: { kubernetes, assertion } },
    resources,
  )
  const sessionId = folder.planted[0]?.sessionId ?? ''
  const token = await issueToken(folder.place, sessionId)
  const { authority, port } = cluster
  const impersonation = impersonationOf(sessionId)
  const bare: BareGateway = {
    ...listener,
    prefix,
    upstream: { port, serverName: 'localhost', authority, ...own, impersonation: linesOf(impersonation) },
  }
  return {
    ...folder,
    direct: {
      port,
      serverName: 'localhost',
      authority,
      ...own,
      prefix: '',
      headers: { ...kubectlHeaders, ...impersonation },
    },
    gateway: port => ({
      port,
      serverName: gatewayHost,
      authority,
      prefix,
      headers: { ...kubectlHeaders, authorization: `Bearer ${token}` },
    }),
    bareFile: write('bare-gateway.json', JSON.stringify(bare)),
  }
}

const kubectlHeaders = {
  accept: 'application/json, */*',
  'user-agent': 'kubectl/v1.37.1 (linux/amd64) kubernetes/1a2b3c4',
  'kubectl-command': 'kubectl get',
  'kubectl-session': '7f3a3c1e-0d4b-4b8e-9d64-6f1f0f7f0a51',
}

/** What the gateway sends along: the API server has the same work either way. */
const impersonationOf = (sessionId: string) => ({
  'impersonate-user': 'alice@example.com',
  'impersonate-group': aliceGroups,
  'impersonate-uid': aliceLogin().identity.subject,
  'impersonate-extra-sallyport.dev%2fsession': sessionDigestOf(sessionId),
})

const linesOf = (headers: Readonly<Record<string, string | readonly string[]>>): string[] =>
  Object.entries(headers).flatMap(([name, values]) => [values].flat().flatMap(value => [name, value]))

/** Three for each team, and what admits Alice behind them. */
function clusterRows(): string {
  const domain = `kube:${clusterName}`
  const rows = Array.from({ length: teams }, (_, at) => {
    const team = `p, group:team-${at}, ${domain}, /team-${at}`
    return `${team}/**, *, -, allow\n${team}/core/secrets/**, *, -, deny\n${team}/core/pods/*/exec, create, -, deny\n`
  })
  return [
    ...rows,
    `p, authenticated, ${domain}, /nonResourceURLs/**, get, -, allow\n`,
    `p, group:ops, ${domain}, /payments/**, get|list|watch|create, -, allow\n`,
    `p, group:ops, ${domain}, /load/**, get|list|watch, -, allow\n`,
    `p, group:contractors, ${domain}, /payments/**, *, -, deny\n`,
  ].join('')
}

/** By the service's own code and with its keys; it lasts as long as the session. */
async function issueToken(place: SessionPlace, sessionId: string): Promise<string> {
  const records = await openRecords(place)
  const secrets = [place.secret]
  const keys = createSigningKeys({
    store: createSharedStore<StoredKey>({ records, secrets, kind: 'signing-key' }),
    algorithm: assertion.algorithm,
    rotateEverySeconds,
    clock: systemClock,
    onError: error => console.error(error),
  })
  const { seal, unseal } = createSeal(secrets)
  await keys.start()
  const { token } = createKubeTokens({
    keys,
    sign: signJwt,
    issuer: issuerOf('https://auth.example.com'),
    lifetimeSeconds: limits.lifetimeSeconds,
    clock: systemClock,
    sealSession: {
      seal: (id, text) => seal('token-session', id, Buffer.from(text)).toString('base64url'),
      unseal: (id, sealed) => unseal('token-session', id, Buffer.from(sealed, 'base64url'))?.toString(),
    },
    sessionDigest: sessionDigestOf,
    findClaim: () => undefined,
  }).issue({
    sessionId,
    login: aliceLogin(),
    audience: audienceOf(gatewayUrl, clusterName),
    userClaim: 'email',
    sessionEndsAt: Date.now() / 1_000 + limits.lifetimeSeconds,
  })
  keys.close()
  await records.close()
  return token
}
