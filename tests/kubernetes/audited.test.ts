/**
 * Our reading of calls against that of a real API server: its audit log says what it read. Each call goes out as it came and,
 * where that is different, as we would send it on. Mallory, who may do nothing, asks: so nothing is done, and all is audited.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type KubernetesRequest, readKubernetesRequest } from '../../rbac/kubernetes/request.ts'
import { type ApiClient, createApiClient } from './api-client.ts'
import type { AuditEvent } from './audit-log.ts'
import { oddCalls, ordinaryCalls, type TestCall } from './calls.ts'
import { type RunningCluster, startCluster } from './cluster.ts'
import { requireClusterPrograms } from './programs.ts'
import { differencesFrom } from './reading-differences.ts'

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
})
