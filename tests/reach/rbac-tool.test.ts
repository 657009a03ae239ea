/**
 * The cases of rbac-tool (../shared/data/k8s/cases/rbac-tool, Apache-2.0): what their comments say is to be answered, by our
 * commands. Precision and recall over those where both ask the same, and each other one in a table that says why not.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runKube } from './run-kube.ts'
import { sharedData } from './shared-data.ts'

const cases = sharedData('k8s/cases/rbac-tool') ?? 'absent'

/** Where we answer otherwise on purpose: theirs leaves out where a binding counts, and what it is asked. */
const otherwise: Readonly<Record<string, string>> = {
  'gatewat-api-operator get gateways': 'the role has no get, so nobody may',
  'nonresourceurl-reader get /test-reader': 'a RoleBinding gives no right to a path',
}

/** As the API server knows them, and where rbac-tool asks for a name behind the slash. */
const asked: Readonly<Record<string, readonly string[]>> = {
  gateways: ['gateways.gateway.networking.k8s.io'],
  pod: ['pods'],
  'secrets/some-secret': ['secrets', '--name', 'some-secret'],
}

interface Question {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly theirs: readonly string[]
}

/** Out of the comments at the head: each `who-can` of `Run`, and the subjects of `Expect`. */
function questionsIn(file: string): Question[] {
  const head = readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('#'))
  const theirs = head.flatMap(line => {
    const [, kind, subject = '', namespace = ''] =
      /^#\s+(Group|User|ServiceAccount)\s*\|\s*(\S+)\s*\|\s*([^\s|]*)/.exec(line) ?? []
    if (kind === 'ServiceAccount') return [`service-account:${namespace}/${subject}`]
    // It is no binding's, and ours says so beside the answer.
    if (kind === undefined || subject === 'system:masters') return []
    return [`${kind.toLowerCase()}:${subject}`]
  })
  return head.flatMap(line => {
    const [, verb = '', what = ''] = /who-can (\S+) (\S+)/.exec(line) ?? []
    if (verb === '') return []
    const name = `${basename(file, '.yaml')} ${verb} ${what}`
    return [{ name, file, args: ['who-can', verb, ...(asked[what] ?? [what])], theirs }]
  })
}

async function oursOf({ file, args }: Question): Promise<readonly string[]> {
  const { code, out } = await runKube(cases, [...args, '--from', file, '--json'])
  expect(code).toBe(0)
  const { grants } = JSON.parse(out) as { grants: { subject: string }[] }
  return [...new Set(grants.map(({ subject }) => subject))].sort()
}

describe.skipIf(!existsSync(cases))("rbac-tool's cases", () => {
  const files = existsSync(cases) ? readdirSync(join(cases, 'whocan')).sort() : []
  const questions = files.flatMap(name => questionsIn(join(cases, 'whocan', name)))

  test('who-can: precision and recall of single subjects, where both ask the same', async () => {
    const counts = { hit: 0, extra: 0, missed: 0 }
    const different: string[] = []
    for (const question of questions) {
      const [ours, theirs] = [await oursOf(question), [...question.theirs].sort()]
      expect(theirs.length, question.name).toBeGreaterThan(0)
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) different.push(question.name)
      if (question.name in otherwise) continue
      counts.hit += ours.filter(one => theirs.includes(one)).length
      counts.extra += ours.filter(one => !theirs.includes(one)).length
      counts.missed += theirs.filter(one => !ours.includes(one)).length
    }
    const { hit, extra, missed } = counts
    const [precision, recall] = [hit / (hit + extra), hit / (hit + missed)]
    process.stdout.write(
      `${questions.length} questions of rbac-tool, ${hit + missed} subjects of one question: precision ${precision}, recall ${recall}\n`,
    )
    expect(different).toEqual(Object.keys(otherwise).sort())
    expect([questions.length, precision, recall]).toEqual([8, 1, 1])
    expect(hit).toBeGreaterThanOrEqual(11)
  })

  test('policy-rules: each line, by its role', async () => {
    const file = join(cases, 'policyrules/multiple-role-bindings.yaml')
    const theirs = readFileSync(file, 'utf8')
      .split('\n')
      .flatMap(line => {
        const [whole, account, verb, namespace, , resource, name] = line.split('|').map(part => part.trim())
        const role = /Roles>>(\S+)/.exec(line)?.[1]
        return whole === '#   ServiceAccount' || role !== undefined
          ? [`${namespace}/${account} ${verb} ${resource} ${name} ${role}`]
          : []
      })
    const { code, out } = await runKube(cases, ['what-can', 'policyrules/the-test-user', '--from', file, '--json'])
    expect(code).toBe(0)
    interface GivenRule {
      readonly verbs: readonly string[]
      readonly resources: readonly string[]
      readonly resourceNames?: readonly string[]
    }
    const { bindings } = JSON.parse(out) as {
      bindings: { namespace: string; role: { name: string; namespace: string }; rules: readonly GivenRule[] }[]
    }
    const ours = bindings.flatMap(({ namespace, role, rules }) =>
      rules.flatMap(({ verbs, resources, resourceNames = [''] }) =>
        verbs.flatMap(verb =>
          resources.flatMap(resource =>
            resourceNames.map(name =>
              [`${namespace}/the-test-user`, verb, resource, name, `${role.namespace}/${role.name}`].join(' '),
            ),
          ),
        ),
      ),
    )
    expect(theirs.length).toBe(6)
    expect([...new Set(ours)].sort()).toEqual([...theirs].sort())
  })

  test('viz: an account that is not there is told of, and one that is there is not', async () => {
    // Where no account was read at all nobody knows which are there: so one of another file comes along.
    const accounts = join(cases, 'whocan/gatewat-api-operator.yaml')
    const dangling = async (name: string) => {
      const { code, out } = await runKube(cases, ['inventory', '--from', join(cases, 'viz', name), accounts, '--json'])
      expect(code).toBe(0)
      const { findings, problems } = JSON.parse(out) as {
        findings: { code: string; about: string }[]
        problems: { code: string }[]
      }
      // Each of them ends without a line break, and nothing else of it is not read.
      expect(problems.filter(problem => problem.code !== 'no-line-break')).toEqual([])
      return findings.filter(one => one.code === 'dangling-binding').map(({ about }) => about)
    }
    expect(await dangling('multiple-rolebindings-in-ns.yaml')).toEqual([])
    expect(await dangling('rbac-with-psp.yaml')).toEqual([])
    expect(await dangling('multiple-rolebindings-in-ns-missing-service-account.yaml')).toEqual([
      'RoleBinding/mynamespace/example-rolebinding-1',
      'RoleBinding/mynamespace/example-rolebinding-2',
    ])
  })

  test('auditgen: every call of the logs is read, and none of them is explained by bindings that do not give it', async () => {
    for (const [name, user, unexplained] of [
      ['testdata-01', 'admin', 0],
      ['testdata-02', 'diana', 3],
    ] as const) {
      const from = join(cases, 'whocan/secret-reader.yaml')
      const log = join(cases, `auditgen/${name}.json`)
      const { code, out } = await runKube(cases, ['excess', '--from', from, '--audit', log, '--json'])
      expect(code).toBe(0)
      const document = JSON.parse(out) as {
        unexplained: { subject: string; question: { verb: string; resource: string } }[]
        log: Record<string, unknown>
      }
      expect(document.unexplained.map(({ subject }) => subject)).toEqual(Array(unexplained).fill(`user:${user}`))
      expect(JSON.stringify(document.log)).toMatch(/"(?:calls|counted|events)":3\b/)
    }
  })
})
