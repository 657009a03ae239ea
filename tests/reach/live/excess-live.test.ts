/**
 * The whole way of a narrower role, over what a real API server wrote down: everybody works, `sallyport kube excess` reads the log,
 * and what it prints takes the place of what was there. Then everybody works again, and nobody may do what he could not before.
 * REACH_SEED=<number> asks again what failed.
 */
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readByKubectl } from '../../../app/kubernetes/reading/kubectl.ts'
import { grantsOf } from '../../../rbac/reach/grants.ts'
import { createReading } from '../../../rbac/reach/reading/reading.ts'
import { askerOf, subjectOf } from '../../../rbac/reach/subject.ts'
import { readAuditEvent } from '../../../rbac/reach/usage/audited-call.ts'
import { type RunningCluster, startCluster } from '../../kubernetes/cluster.ts'
import { certificateUser, type Kubeconfig } from '../../kubernetes/kubectl.ts'
import { requireClusterPrograms } from '../../kubernetes/programs.ts'
import { ask } from '../loaded-cluster.ts'
import { type Asked, questionsNear } from '../questions.ts'
import { builtCommand, type Printed } from './built.ts'
import { accounts, askers, type Callers, callersIn, namespaces, subjects } from './callers.ts'
import { work } from './work.ts'

const programs = requireClusterPrograms()
const seed = Number(process.env.REACH_SEED ?? Math.floor(Math.random() * 2 ** 32))
const world = join(import.meta.dirname, 'world.yml')
const count = 3000

describe.skipIf(programs === undefined)('what a log shows to be enough', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-live-'))
  const log = join(directory, 'audit.log')
  let cluster: RunningCluster
  let callers: Callers
  let admin: Kubeconfig
  let run: (...args: string[]) => Promise<Printed>
  /** Of the first day. */
  let said: readonly string[]
  let used: readonly Asked[]
  let asked: readonly (Asked & { readonly isAllowed: boolean })[]

  const kubectl = async (args: readonly string[], stdin?: string): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl({
      version: '1.37',
      kubeconfig: admin,
      args,
      ...(stdin !== undefined && { stdin }),
    })
    expect(stderr.replaceAll(/^Warning:.*\n/gm, ''), args.join(' ')).toBe('')
    expect(code).toBe(0)
    return stdout
  }
  const applyWorld = async () => {
    await kubectl(['apply', '-f', world])
    await settled()
  }

  beforeAll(async () => {
    if (programs === undefined) return
    cluster = await startCluster(programs, {
      apiServerFlags: ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'],
    })
    admin = cluster.kubeconfig({ user: certificateUser(cluster.issueClient('root', ['system:masters'])) })
    const built = builtCommand(programs, directory)
    run = (...args) => built({ args: [...args, '--kubeconfig', admin.path] })
    await Promise.all(namespaces.map(cluster.createNamespace))
    const accountPaths = [...accounts, 'shop/robot', 'bank/robot'].map(name => name.split('/'))
    for (const [namespace, name] of accountPaths)
      await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } })
    for (const name of ['tls', 'db', 'third'])
      for (const namespace of ['shop', 'bank'])
        await cluster.api.call('POST', `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name } })
    await Promise.all(['shop', 'bank'].map(namespace => cluster.createPod({ namespace, name: 'core' })))
    await cluster.kubectl({
      version: '1.37',
      args: ['create', 'deployment', 'owned', '-n', 'shop', '--image=m:1', '--replicas=0'],
    })
    await applyWorld()
    callers = await callersIn(cluster)
    said = await work(cluster, callers)
    copyFileSync(cluster.auditLogPath, log)
    used = usedOf(readFileSync(log, 'utf8'))
    asked = await askedBefore()
  }, 300_000)
  afterAll(async () => {
    callers?.close()
    await cluster?.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  /** The authorizer's informers, and the controller of aggregated roles, have seen all that was written last. */
  let marks = 0
  async function settled(): Promise<void> {
    const name = `mark-${++marks}`
    const rules = [{ apiGroups: ['example.com'], resources: [name], verbs: ['get'] }]
    const metadata = { name, labels: { 'example.com/part-of': 'sum' } }
    await cluster.api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata, rules })
    await cluster.api.call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'sum' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
    })
    const question = { verb: 'get', group: 'example.com', resource: name }
    const isSo = () => ask(cluster, askerOf(subjectOf(`user:${name}`)), question)
    await vi.waitFor(async () => expect(await isSo()).toBe(true), { timeout: 60_000, interval: 50 })
    for (const kind of ['clusterrolebindings', 'clusterroles'])
      await cluster.api.call('DELETE', `/apis/rbac.authorization.k8s.io/v1/${kind}/${name}`)
    await vi.waitFor(async () => expect(await isSo()).toBe(false), { timeout: 60_000, interval: 50 })
  }

  /** Each call that was let in, as the authorizer was asked, and what it took to ask as somebody else. */
  function usedOf(text: string): readonly Asked[] {
    const all = new Map<string, Asked>()
    for (const line of text.trim().split('\n')) {
      const read = readAuditEvent(JSON.parse(line))
      if (!('outcome' in read)) continue
      const { asker, question, outcome, impersonator } = read
      const own = outcome === 'allowed' ? [{ asker, question }] : []
      const lent = impersonator?.questions.map(one => ({ asker: impersonator.asker, question: one })) ?? []
      for (const one of [...own, ...lent]) all.set(JSON.stringify(one), one)
    }
    return [...all.values()].filter(({ asker }) => !asker.groups.includes('system:masters'))
  }

  async function engine() {
    const reading = createReading({ assumesShippedRoles: false })
    const program = programs?.kubectl['1.37'] ?? ''
    const options = { kubeconfig: admin.path, program, scansSecrets: false, env: process.env, onLogin: () => undefined }
    await readByKubectl(options, { reading, progress: () => undefined })
    const objects = reading.finish()
    return { objects, grants: grantsOf(objects) }
  }

  /** Near what everybody holds now, and near what he did: there a role that is too wide would show. */
  async function askedBefore() {
    const { objects, grants } = await engine()
    const near = [...questionsNear({ grants, objects, seed, count })].flatMap(one => {
      const known = askers.find(({ id }) => id === one.asker.id)
      return [
        {
          asker: known ?? (askers[one.question.verb.length % askers.length] as (typeof askers)[number]),
          question: one.question,
        },
      ]
    })
    const beside = used.flatMap(({ question }, at) => [
      { asker: askers[at % askers.length] as (typeof askers)[number], question },
      { asker: askers[(at * 7 + 3) % askers.length] as (typeof askers)[number], question: besideOf(question, at) },
    ])
    const besides = used.map(({ asker, question }, at) => ({ asker, question: besideOf(question, at) }))
    const all = [...near, ...beside, ...besides]
    const answers = await answersTo(all)
    return all.map((one, at) => ({ ...one, isAllowed: answers[at] === true }))
  }

  async function answersTo(questions: readonly Asked[]): Promise<readonly boolean[]> {
    const answers: boolean[] = []
    const waiting = [...questions.entries()]
    const go = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
        answers[next[0]] = await ask(cluster, next[1].asker, next[1].question)
    }
    await Promise.all(Array.from({ length: 16 }, go))
    return answers
  }

  async function expectSame(): Promise<void> {
    const [still, now] = [await answersTo(used), await answersTo(asked)]
    const text = ({ asker, question }: Asked) => JSON.stringify([asker.id, question])
    expect(used.filter((_, at) => still[at] !== true).map(text)).toEqual([])
    const gained = asked.filter(({ isAllowed }, at) => now[at] === true && !isAllowed)
    expect(gained.map(text), `REACH_SEED=${seed}`).toEqual([])
    const lost = asked.filter(({ isAllowed }, at) => now[at] !== true && isAllowed).length
    process.stdout.write(
      `REACH_SEED=${seed}: ${used.length} uses still allowed, ${asked.length} questions, ${lost} no longer allowed\n`,
    )
    expect(lost).toBeGreaterThan(100)
    expect(await work(cluster, callers)).toEqual(said)
  }

  it('everybody did what he could, and was refused what he could not', () => {
    expect(said.length).toBeGreaterThan(200)
    expect(used.length).toBeGreaterThan(150)
    expect(asked.length).toBeGreaterThan(2000)
  })

  it('M10 --minimal: roles of their own in the place of all that they had', { timeout: 200_000 }, async () => {
    const { code, stdout, stderr } = await run('excess', '--audit', log, '--minimal', '--subject', ...subjects)
    expect(stderr).not.toContain('could not be read')
    expect(code).toBe(0)
    await takeOut(stdout)
    await kubectl(['apply', '-f', '-'], stdout)
    await settled()
    await expectSame()
    await kubectl(['delete', '-f', '-'], stdout)
  })

  it('M11 --patch: each role narrower, where it stands', { timeout: 200_000 }, async () => {
    await applyWorld()
    const { code, stdout } = await run('excess', '--audit', log, '--patch')
    expect(code).toBe(0)
    await kubectl(['apply', '-f', '-'], stdout)
    await settled()
    await expectSame()
  })

  /** As the printed comment says: the subject out of each of these bindings. */
  async function takeOut(printed: string): Promise<void> {
    const lines = [...printed.matchAll(/^# what (\S+) used; then take it out of: (.*)$/gm)]
    expect(lines.map(([, subject]) => subject).sort()).toEqual(
      subjects.map(name => (name.includes(':') ? name : `service-account:${name}`)).sort(),
    )
    for (const [, subject = '', bindings = ''] of lines)
      for (const binding of bindings.split(', ')) {
        const [kind = '', ...names] = binding.split('/')
        const [name = '', namespace] = names.reverse()
        const scope = namespace === undefined ? '' : `/namespaces/${namespace}`
        const path = `/apis/rbac.authorization.k8s.io/v1${scope}/${kind.toLowerCase()}s/${name}`
        const object = (await cluster.api.call('GET', path)) as {
          readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[]
        }
        const rest = object.subjects.filter(one => {
          const id =
            one.kind === 'ServiceAccount'
              ? `service-account:${one.namespace}/${one.name}`
              : `${one.kind.toLowerCase()}:${one.name}`
          return id !== subject
        })
        expect(rest.length).toBe(object.subjects.length - 1)
        if (rest.length === 0) await cluster.api.call('DELETE', path)
        else await cluster.api.call('PUT', path, { ...object, subjects: rest })
      }
  }
})

/** The same with one part exchanged. */
function besideOf(question: Asked['question'], at: number): Asked['question'] {
  if ('path' in question)
    return at % 2 === 0 ? { ...question, path: `${question.path}/x` } : { ...question, verb: 'post' }
  const { name, ...rest } = question
  const verbs = ['get', 'list', 'create', 'delete', 'deletecollection', 'patch', '*', 'impersonate']
  return [
    { ...rest },
    { ...question, name: `${name ?? 'x'}-x` },
    { ...question, verb: verbs[at % verbs.length] as string },
    { ...question, namespace: namespaces[at % namespaces.length] as string },
    { ...question, subresource: 'status' },
  ][at % 5] as Asked['question']
}
