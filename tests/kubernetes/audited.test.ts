/**
 * Our reading of calls against that of a real API server: its audit log says what it read. Each call goes out as it came and,
 * where that is different, as we would send it on. Mallory, who may do nothing, asks: so nothing is done, and all is audited.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GatewayCall, Subject } from '../../app/kubernetes/gateway/gateway-call.ts'
import { refusal } from '../../app/kubernetes/gateway/status.ts'
import { type KubernetesRequest, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import type { Authority } from '../certificates.ts'
import { fc } from '../properties.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import type { AuditEvent } from './audit-log.ts'
import { oddCalls, ordinaryCalls, type TestCall } from './calls.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { askHttp2, connectRaw, startAuthority, startWorld, type World } from './gateway-world.ts'
import { requireClusterPrograms } from './programs.ts'
import { differencesFrom } from './reading-differences.ts'
import { smuggled, smuggledInHttp2 } from './smuggled.ts'

const programs = requireClusterPrograms()
/** Another one each time; a failure prints it. */
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const atOnce = 12

describe.skipIf(programs === undefined)('the audit log of the API server', () => {
  let cluster: RunningCluster
  let mallory: ApiClient
  beforeAll(async () => {
    if (programs === undefined) throw new Error('no programs')
    cluster = await startCluster(programs)
    const { certificate, key } = cluster.issueClient('mallory')
    mallory = createApiClient({ url: cluster.url, authority: cluster.authority, certificate, key })
  })
  afterAll(async () => {
    mallory?.close()
    await cluster?.stop()
  })

  interface Sent extends TestCall {
    readonly id: string
    readonly request: KubernetesRequest
  }

  /** What is not refused, once or twice. */
  function sentOf(calls: readonly TestCall[], name: string): readonly Sent[] {
    return calls.flatMap((call, index) => {
      const request = readKubernetesRequest(call)
      if (request.kind === 'refused') return []
      const asItCame = { ...call, request, id: `${name}-${index}` }
      if (request.target === call.target) return [asItCame]
      return [asItCame, { ...asItCame, target: request.target, id: `${name}-${index}-anew` }]
    })
  }

  async function differencesOf(sent: readonly Sent[]): Promise<readonly string[]> {
    const left = [...sent]
    const sendOn = async (): Promise<void> => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) {
        await mallory.ask(one.method, one.target, undefined, { 'audit-id': one.id })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, sendOn))
    const events = new Map<string, AuditEvent>(cluster.audit.all.map(event => [event.auditID, event]))
    return sent.flatMap(({ id, request, method, target }) =>
      differencesFrom(request, events.get(id)).map(difference => `${method} ${target}: ${difference}`),
    )
  }

  test('2,500 calls of ordinary kinds are read as the server reads them', async () => {
    const sent = sentOf(fc.sample(ordinaryCalls, { numRuns: 2_500, seed }), 'ordinary')
    expect(sent.length).toBeGreaterThan(2_000)
    expect(await differencesOf(sent), `SEED=${seed}`).toEqual([])
  })

  test('L07 of 20,000 odd ones each is refused, or read as the server reads it, as it came and as it is sent on', async () => {
    const sent = sentOf(fc.sample(oddCalls, { numRuns: 20_000, seed }), 'odd')
    expect(sent.length).toBeGreaterThan(5_000)
    expect(await differencesOf(sent), `SEED=${seed}`).toEqual([])
  })

  describe('behind the gateway', () => {
    let authority: Authority
    const subject: Subject = { user: 'mallory', groups: ['sallyport:outside'], extra: {} }
    const judged = new Map<string, KubernetesRequest>()
    let world: World

    beforeAll(async () => {
      authority = startAuthority()
      const own = cluster.issueClient('sallyport-gateway')
      await letImpersonate(cluster, subject)
      world = await startWorld({
        authority,
        access: {
          server: cluster.url,
          authority: { text: cluster.authority },
          credential: { kind: 'certificate', certificate: { text: own.certificate }, key: { text: own.key } },
        },
      })
      world.judge(async call => judge(call))
    })
    afterAll(async () => {
      await world?.close()
      authority?.close()
    })

    /** Everybody is Mallory, and every call that can be read passes as it was read: what the policy is asked in the service. */
    function judge(call: GatewayCall) {
      // A target without its slash makes the name of another cluster.
      if (call.cluster !== 'prod') return refusal(401, 'nobody')
      if (call.impersonate !== undefined) return refusal(403, 'nobody else')
      const { method, target, upgrade } = call
      const upgrades = upgrade === undefined ? [] : [upgrade === 'spdy' ? 'SPDY/3.1' : 'websocket']
      const request = readKubernetesRequest({ method, target, upgrades })
      if (request.kind === 'refused') return refusal(400, request.message)
      judged.set(call.requestId, request)
      return {
        impersonate: subject,
        target: request.target,
        onEnd: () => () => undefined,
        finished: () => undefined,
      }
    }

    /** Of what the API server has heard from the gateway so far; `isAllHeard`: nothing was given up on the way. */
    function differences(isAllHeard: boolean): readonly string[] {
      const events = cluster.audit.all.filter(({ user }) => user.username === 'sallyport-gateway')
      // What is refused before anybody has been recognised is nobody's.
      const heard = new Map<string, AuditEvent>(cluster.audit.all.map(event => [event.auditID, event]))
      const unknown = events
        .filter(({ auditID }) => !judged.has(auditID))
        .map(event => `not judged: ${event.requestURI}`)
      const others = events
        .filter(({ impersonatedUser: one, sourceIPs = [] }) => {
          const groups = [...(one?.groups ?? [])].sort().join()
          const isHer = one?.username === 'mallory' && groups === 'sallyport:outside,system:authenticated'
          return !isHer || one.extra !== undefined || sourceIPs.some(address => address !== '127.0.0.1')
        })
        .map(event => `not as Mallory: ${JSON.stringify(event)}`)
      const wanted = [...judged].filter(([id]) => isAllHeard || heard.has(id))
      const read = wanted.flatMap(([id, request]) =>
        differencesFrom(request, heard.get(id)).map(difference => `${request.target}: ${difference}`),
      )
      return [...unknown, ...others, ...read]
    }

    test('L07 3,000 odd calls by each version of HTTP: each is refused, or heard as it was judged, as the person', async () => {
      const client = createApiClient({
        url: `https://localhost:${world.port}/clusters/prod`,
        authority: authority.certificate,
      })
      const session = world.http2()
      const left = [...fc.sample(oddCalls, { numRuns: 6_000, seed: seed + 1 })]
      const sendOn = async (): Promise<void> => {
        for (let one = left.pop(); one !== undefined; one = left.pop()) {
          const { method, target } = one
          // What cannot be sent at all has been refused on this side.
          if (left.length % 2 === 0) await client.ask(method, target).catch(() => undefined)
          else {
            const head = { ':method': method, ':path': `/clusters/prod${target}` }
            await askHttp2(session, head).catch(() => undefined)
          }
        }
      }
      await Promise.all(Array.from({ length: atOnce }, sendOn))
      client.close()
      expect(judged.size, `SEED=${seed}`).toBeGreaterThan(1_000)
      expect(differences(true), `SEED=${seed}`).toEqual([])
    })

    test('L01 L02 no header, body, upgrade or pseudo-header makes another person or another call of it', async () => {
      const before = judged.size
      for (const text of smuggled) {
        const raw = await connectRaw(world.port, authority)
        raw.socket.write(text)
        // Whoever is left waiting for the rest of a request ends the connection.
        const answered = raw.until(bytes => bytes.includes('HTTP/1.1 '), text).catch(() => undefined)
        await answered
        raw.socket.end()
        await raw.isClosed
      }
      const session = world.http2()
      for (const head of smuggledInHttp2) await askHttp2(session, head).catch(() => undefined)
      const plain = { ':path': '/clusters/prod/api/v1/namespaces/kube-system/secrets' }
      expect((await askHttp2(world.http2(), plain)).status).toBe(403)
      expect(judged.size).toBeGreaterThan(before + 10)
      expect(differences(false)).toEqual([])
      expect(cluster.audit.all.some(({ auditID }) => auditID === 'of-mallory')).toBe(false)
    })
  })
})

/** The gateway may speak for this one person, who may do nothing. */
async function letImpersonate({ api }: RunningCluster, { user, groups }: Subject): Promise<void> {
  const rbac = '/apis/rbac.authorization.k8s.io/v1'
  const may = { apiGroups: [''], verbs: ['impersonate'] }
  await api.call('POST', `${rbac}/clusterroles`, {
    metadata: { name: 'sallyport-gateway' },
    rules: [
      { ...may, resources: ['users'], resourceNames: [user] },
      { ...may, resources: ['groups'], resourceNames: groups },
    ],
  })
  await api.call('POST', `${rbac}/clusterrolebindings`, {
    metadata: { name: 'sallyport-gateway' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'sallyport-gateway' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'sallyport-gateway' }],
  })
}
