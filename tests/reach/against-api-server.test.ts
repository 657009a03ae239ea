/**
 * The engine and a real API server, asked the same: the shared dump with some odd objects is loaded, read back by our own
 * reader, and each answer of a SubjectAccessReview is ours. REACH_SEED=<number> asks again what failed.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readByKubectl } from '../../app/kubernetes/reading/kubectl.ts'
import { aggregated } from '../../rbac/reach/aggregation.ts'
import type { Grants } from '../../rbac/reach/grant.ts'
import { grantsOf } from '../../rbac/reach/grants.ts'
import type { ClusterObjects } from '../../rbac/reach/objects.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { askerOf, userSubject } from '../../rbac/reach/subject.ts'
import { createApiClient } from '../kubernetes/api-client.ts'
import { type RunningCluster, startCluster } from '../kubernetes/cluster.ts'
import { certificateUser } from '../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../kubernetes/programs.ts'
import { ask, hasDump, loadDump, rolesOf } from './loaded-cluster.ts'
import { type Asked, questionsNear } from './questions.ts'

const programs = requireClusterPrograms()
const isThere = hasDump && programs !== undefined
const count = 20_000
const atOnce = 16
const seed = Number(process.env.REACH_SEED ?? Math.floor(Math.random() * 2 ** 32))

describe.skipIf(!isThere)('the engine and a real API server', () => {
  let cluster: RunningCluster
  let objects: ClusterObjects
  let grants: Grants

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs)
    await loadDump(cluster)
    const odd = fileURLToPath(new URL('odd-objects.yml', import.meta.url))
    const applied = await cluster.kubectl({ version: '1.37', args: ['apply', '--server-side', '-f', odd] })
    expect(applied).toMatchObject({ code: 0 })
    // It would hide that system:masters needs no binding.
    await cluster.api.call('DELETE', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin')
    await untilSettled()
    const { path: kubeconfig } = cluster.kubeconfig({
      user: certificateUser(cluster.issueClient('reader', ['system:masters'])),
    })
    const reading = createReading({ assumesShippedRoles: false })
    await readByKubectl(
      {
        kubeconfig,
        program: programs.kubectl['1.37'],
        scansSecrets: false,
        env: process.env,
        onLogin: text => void process.stderr.write(text),
      },
      { reading, progress: () => undefined },
    )
    objects = reading.finish()
    grants = grantsOf(objects)
  }, 400_000)
  afterAll(() => cluster?.stop())

  /** The controller of aggregated roles has been there, and the authorizer's informer knows what it wrote. */
  async function untilSettled(): Promise<void> {
    const last = { verb: 'get', group: 'example.com', resource: 'd' }
    await until(() => ask(cluster, askerOf(userSubject('carol')), last))
    let before = ''
    await until(async () => {
      const now = JSON.stringify(await rolesOf(cluster))
      const isSame = now === before
      before = now
      return isSame
    })
  }

  it('reads back everything by kubectl, with nothing left out', () => {
    expect(objects.problems).toEqual([])
    expect(objects.roles.length).toBeGreaterThan(230)
    expect(objects.bindings.length).toBeGreaterThan(190)
    expect(objects.serviceAccounts.length).toBeGreaterThan(124)
    expect(objects.kindsRead).toContain('CronJob')
  })

  it(`gives the same answer to ${count} questions`, { timeout: 500_000 }, async () => {
    const questions = questionsNear({ grants, objects, seed, count })
    const wrong: string[] = []
    let [allowed, asked] = [0, 0]
    const work = async (): Promise<void> => {
      for (let next = questions.next(); !next.done && wrong.length < 20; next = questions.next()) {
        const { asker, question } = next.value
        const theirs = await ask(cluster, asker, question)
        const ours = grants.allowing(asker, question) !== undefined
        asked += 1
        if (theirs) allowed += 1
        if (theirs !== ours) wrong.push(JSON.stringify({ ...next.value, theirs, ours }))
      }
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: atOnce }, work))
    const seconds = (performance.now() - began) / 1000
    const share = Math.round((100 * allowed) / asked)
    process.stdout.write(
      `REACH_SEED=${seed}: ${asked} questions, ${share} % allowed, ${Math.round(asked / seconds)} a second\n`,
    )
    expect(wrong).toEqual([])
    expect(asked).toBe(count)
    expect(share).toBeGreaterThan(20)
    expect(share).toBeLessThan(80)
  })

  it('says of anybody what it says of each', () => {
    const questions: Asked[] = [...questionsNear({ grants, objects, seed, count: 200 })]
    for (const { question } of questions) {
      const named = new Set(grants.allowingAnybody(question).map(({ subject }) => subject))
      for (const subject of grants.subjects) {
        const alone = grants.allowing({ id: subject, groups: [] }, question)
        if (alone !== 'masters')
          expect(alone !== undefined, JSON.stringify([subject, question])).toBe(named.has(subject))
      }
    }
  })

  it('aggregates without a cluster as the controller did, rule by rule', async () => {
    const roles = await rolesOf(cluster)
    const filled = roles.filter(({ aggregationRule }) => aggregationRule !== undefined)
    expect(filled.map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(['admin', 'edit', 'view', 'odd-sum', 'odd-part', 'odd-self', 'odd-empty']),
    )
    // Rules that were written into such a role are nobody's, unless there are no others; and roles come in any order.
    const stale = [{ apiGroups: ['example.com'], resources: ['stale'], verbs: ['get'] }]
    const unfilled = objects.roles.map(role =>
      role.aggregation === undefined || role.name === 'odd-empty' ? role : { ...role, rules: stale },
    )
    const ours = new Map(aggregated(unfilled.reverse()).map(role => [`${role.kind}/${role.name}`, role.rules]))
    for (const { metadata, rules } of filled)
      expect(ours.get(`ClusterRole/${metadata.name}`), metadata.name).toEqual(rules)
  })

  it('knows which rules a list with a field selector meets', async () => {
    const token = await cluster.serviceAccountToken('odd', 'near')
    const client = createApiClient({ url: cluster.url, authority: cluster.authority, token })
    const secrets = '/api/v1/namespaces/odd/secrets'
    const statusOf = async (query: string) => (await client.ask('GET', `${secrets}${query}`)).status
    const odd = readFileSync(new URL('odd-objects.yml', import.meta.url), 'utf8')
    expect(odd).toContain("resourceNames: [tls, '*']")
    expect(await statusOf('?fieldSelector=metadata.name=tls')).toBe(200)
    expect(await statusOf('?fieldSelector=metadata.name=other')).toBe(403)
    expect(await statusOf('')).toBe(403)
    client.close()
  })
})

/** Rejects after 100 seconds. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 100_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('the cluster did not settle')
    await delay(1500)
  }
}
