/**
 * The demo with Kubernetes checks itself: from a kubectl that nobody is logged in with to a shell that is cut, with a real
 * kubectl and a real cluster. Each line of the result is one sentence that is true or not.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Chapter, type Check, type CheckResult, runChapters } from '../chapters.ts'
import { createApiClient } from '../cluster/api-client.ts'
import type { KubectlResult } from '../cluster/kubectl.ts'
import { expect } from '../expectations.ts'
import type { Cast } from './cast.ts'
import { joinedChecks } from './joined-checks.ts'
import { isDiscovery, type JoinedCall, joinLogs } from './joined-logs.ts'
import { createMachine, type Machine } from './machine.ts'
import { clusterName, podName } from './roles.ts'
import type { KubernetesStack } from './stack.ts'

/** Runs the story in order; a failed line does not stop the next one. */
export async function runKubernetesStory(
  stack: KubernetesStack,
  onResult: (result: CheckResult) => void,
): Promise<{ readonly results: readonly CheckResult[]; readonly calls: readonly JoinedCall[] }> {
  const { auditLog, clusterAuditLog } = stack.places
  const calls = () => joinLogs(readFileSync(auditLog, 'utf8'), readFileSync(clusterAuditLog, 'utf8'))
  const cast: Cast = { stack, calls, alice: createMachine(stack, 'alice'), bob: createMachine(stack, 'bob') }
  const chapters: readonly Chapter[] = [
    ['Nobody is logged in', strangers(cast)],
    ['Alice, operations', alice(cast)],
    ['Bob, contractor', bob(cast)],
    ["Alice's session is ended while she has a shell", ending(cast)],
    ['Both audit logs', joinedChecks(cast)],
  ]
  const results = await runChapters(chapters, onResult)
  return { results, calls: calls().filter(call => !isDiscovery(call)) }
}

function strangers({ stack, alice }: Cast): readonly Check[] {
  return [
    [
      'kubectl says how to log in',
      async () => {
        const got = await alice.kubectl('get', 'pods')
        expectFailure(got, 'sallyport kube login')
      },
    ],
    ['a call without a token is refused', async () => expectUnauthorized(stack, undefined)],
    ['so is one with a token that somebody made up', async () => expectUnauthorized(stack, 'eyJhbGciOiJub25lIn0.e30.')],
    [
      'the login page lets nobody in without the code of this demo',
      async () => {
        const stranger = createMachine({ ...stack, code: 'guess-ed00' }, 'stranger')
        const page = await stranger.browser.visit(`${stack.origin}/login`)
        const refused = await stranger.browser.submit(page, { person: 'alice', code: 'guess-ed00' })
        expect(refused.status === 403, `status 403, got ${refused.status} from ${refused.url}`)
      },
    ],
  ]
}

async function expectUnauthorized(stack: KubernetesStack, token: string | undefined): Promise<void> {
  const client = createApiClient({
    url: `${stack.gatewayUrl}/clusters/${clusterName}`,
    authority: stack.authority,
    ...(token !== undefined && { token }),
  })
  try {
    const { status, text } = await client.ask('GET', '/api/v1/namespaces/payments/pods')
    expect(status === 401 && text.includes('"kind":"Status"'), `a Status with 401, got ${status}: ${text}`)
  } finally {
    client.close()
  }
}

function alice({ alice }: Cast): readonly Check[] {
  return [
    [
      'logs in with her browser, and kubectl is logged in',
      async () => expectSuccess(await alice.logIn('alice'), 'Logged in as alice@example.com'),
    ],
    ['lists the pods', async () => expectSuccess(await alice.kubectl('get', 'pods'), podName)],
    [
      'may not delete one, and is told which row says so',
      async () =>
        expectFailure(
          await alice.kubectl('delete', 'pod', podName),
          /alice@example\.com may not delete pods web in payments: row \S+\.csv:\d+/,
        ),
    ],
    [
      'runs a command in it, and gets its output and its exit code',
      async () => {
        const got = await alice.kubectl('exec', podName, '--', 'sh', '-c', 'echo hello; exit 7')
        expect(got.code === 7 && got.stdout === 'hello\n', `hello and the exit code 7, got ${describe(got)}`)
      },
    ],
  ]
}

function bob({ bob }: Cast): readonly Check[] {
  return [
    [
      'logs in and lists the pods',
      async () => {
        expectSuccess(await bob.logIn('bob'), 'Logged in as bob@example.com')
        expectSuccess(await bob.kubectl('get', 'pods'), podName)
      },
    ],
    [
      'may not open a shell, and is told which row says so',
      async () =>
        expectFailure(
          await bob.kubectl('exec', podName, '--', 'true'),
          /bob@example\.com may not create pods\/exec web in payments: row \S+\.csv:\d+/,
        ),
    ],
    [
      'may not act as Alice',
      async () => expectFailure(await bob.kubectl('get', 'pods', '--as', 'alice@example.com'), 'Forbidden'),
    ],
  ]
}

function ending({ stack, alice, bob, calls }: Cast): readonly Check[] {
  let shell: ReturnType<Machine['startKubectl']> | undefined
  return [
    [
      'she opens it',
      async () => {
        shell = alice.startKubectl('exec', podName, '--', 'sh', '-c', 'echo here; sleep 1000')
        await shell.untilPrinted(/^here$/m)
      },
    ],
    [
      'somebody else ends her session with one command',
      async () => {
        const subject = `${stack.issuer}#alice`
        const ended = await bob.sallyport('sessions', 'end', '--admin', stack.adminUrl, '--subject', subject)
        expectSuccess(ended, '1')
      },
    ],
    [
      'the shell is cut, says why, and exits with 1',
      async () => {
        const cut = await shell?.ended
        if (cut === undefined) throw new Error('there was no shell')
        expectFailure(cut, 'your session has ended; run: sallyport kube login')
      },
    ],
    [
      'less than two seconds have passed in between',
      async () => {
        const ended = await untilCut(calls)
        const passed = Date.parse(ended.cutAt) - Date.parse(endOfSession(stack))
        expect(passed < 2_000, `less than 2,000 ms, got ${passed}`)
      },
    ],
    ['her kubectl says how to log in again', async () => expectToldToLogIn(alice)],
    ['Bob goes on', async () => expectSuccess(await bob.kubectl('get', 'pods'), podName)],
    [
      'she logs in again and goes on, too',
      async () => {
        expectSuccess(await alice.logIn('alice'), 'Logged in as alice@example.com')
        expectSuccess(await alice.kubectl('get', 'pods'), podName)
      },
    ],
  ]
}

/** Longer than anything that succeeds on a busy machine, in milliseconds. */
const patienceMs = 60_000

/** It is written once the stream is closed on both sides. */
async function untilCut(calls: Cast['calls']): Promise<{ readonly cutAt: string }> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(50)) {
    const end = calls().find(call => call.end?.ending === 'cut')?.end
    if (end !== undefined) return { cutAt: end.time }
  }
  throw new Error('expected a call.finished with the ending "cut" in the audit log')
}

function endOfSession({ places }: KubernetesStack): string {
  const line = readFileSync(places.auditLog, 'utf8')
    .split('\n')
    .find(text => text.includes('"event":"session.ended"'))
  if (line === undefined) throw new Error('expected a session.ended in the audit log')
  return (JSON.parse(line) as { readonly time: string }).time
}

/** The plugin believes for two seconds what it has just been told. */
async function expectToldToLogIn(machine: Machine): Promise<void> {
  let got = await machine.kubectl('get', 'pods')
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; got = await machine.kubectl('get', 'pods')) {
    if (got.stderr.includes('run sallyport kube login')) return expectFailure(got, 'your session has ended')
  }
  expectFailure(got, 'run sallyport kube login')
}

function expectSuccess(got: KubectlResult, text: string): void {
  expect(got.code === 0 && got.stdout.includes(text), `the exit code 0 and "${text}", got ${describe(got)}`)
}

function expectFailure(got: KubectlResult, text: string | RegExp): void {
  const isSaid = typeof text === 'string' ? got.stderr.includes(text) : text.test(got.stderr)
  expect(got.code === 1 && isSaid, `the exit code 1 and "${text}", got ${describe(got)}`)
}

const describe = ({ code, stdout, stderr }: KubectlResult): string => JSON.stringify({ code, stdout, stderr })
