/**
 * A live cluster, through the operator's own kubectl: it knows every way to log in, and the rights are those of whoever runs
 * it. One `kubectl get` for each kind, and each namespace where not all are asked for; what may not be listed is told of, and the rest is read.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  type Asked,
  type AskedList,
  begin,
  isSecret,
  listsAsked,
  noSuchNamespace,
  notPermitted,
} from './kinds-asked.ts'
import { addSecrets, secretsTemplate } from './kubectl-secrets.ts'
import type { Reader } from './source.ts'

export interface KubectlOptions extends Asked {
  readonly context?: string
  readonly kubeconfig?: string
  /** Which program. Default: `kubectl` of the PATH. */
  readonly program?: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** What a login plugin says: an address to open, a code. */
  readonly onLogin: (text: string) => void
}

const atOnce = 4
/** Characters of one answer; a text may be no longer than this in Node. */
const longestAnswer = 500 * 1024 * 1024

/** Rejects when kubectl is not there, or does not reach the cluster, with what it says; and for a namespace that there is not. */
export async function readByKubectl(options: KubectlOptions, reader: Reader): Promise<void> {
  const source = options.context ?? 'cluster'
  const lists = listsAsked(options)
  begin(options, source, reader)
  const running = new Set<ChildProcess>()
  const waiting = [...lists.entries()]
  // In the order of the lists, whichever is there first: the same cluster gives the same answer, to the last of two equal ways.
  const answers = new Map<number, () => void>()
  let [done, added] = [0, 0]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, list] = next
      reader.progress(
        () => `asking the cluster, ${done} of ${lists.length} lists, ${reader.reading.objectsSeen()} objects`,
      )
      answers.set(at, await readList(list, { options, source, reader, running }))
      done += 1
      for (let add = answers.get(added); add !== undefined; add = answers.get(added)) {
        answers.delete(added)
        added += 1
        add()
      }
    }
  }
  try {
    await logIn({ options, source, reader, running })
    await Promise.all(Array.from({ length: atOnce }, work))
  } finally {
    waiting.length = 0
    for (const child of running) child.kill()
  }
}

interface Asking {
  readonly options: KubectlOptions
  readonly source: string
  readonly reader: Reader
  readonly running: Set<ChildProcess>
}

/** @returns what adds the answer */
async function readList(list: AskedList, { options, source, reader, running }: Asking): Promise<() => void> {
  const mark = randomUUID()
  const { code, stdout, stderr } = await run(argumentsFor(list, options, mark), options, { running })
  if (code === 0) {
    return () => {
      reader.reading.markRead(list.kind)
      if (isSecret(list)) addSecrets(stdout, { mark, source, reader })
      else if (stdout.trim() !== '') reader.reading.addText(stdout, source)
    }
  }
  const reason = lastLine(stderr)
  if (list.name !== undefined && /\(NotFound\)/.test(stderr)) throw noSuchNamespace(list.name)
  const isAbsent = /the server doesn't have a resource type|could not find the requested resource/i.test(stderr)
  if (!isForbidden(stderr) && !isAbsent)
    throw new Error(`kubectl get ${list.resource} failed: ${reason || `exit code ${code}`}`)
  return () => reader.reading.addProblem(notPermitted(list, source, reason))
}

const argumentsFor = (list: AskedList, options: KubectlOptions, mark: string): string[] => [
  ...accessOf(options),
  ...['get', list.resource, ...whichOf(list)],
  // Of accounts it is asked whose they are.
  ...(list.kind === 'ServiceAccount' ? ['--show-managed-fields'] : []),
  ...['-o', isSecret(list) ? secretsTemplate(mark) : 'json'],
]

function whichOf({ name, namespace }: AskedList): readonly string[] {
  if (name !== undefined) return [name]
  return [namespace === undefined ? '--all-namespaces' : `--namespace=${namespace}`, '--chunk-size=500']
}

const accessOf = ({ context, kubeconfig }: KubectlOptions): string[] => [
  ...(context === undefined ? [] : [`--context=${context}`]),
  ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
]

const isForbidden = (stderr: string): boolean => /\(Forbidden\)|forbidden/i.test(stderr)

/** One call alone, so that whoever is not logged in logs in once, and sees what the login plugin has to say. */
async function logIn({ options, source, reader, running }: Asking): Promise<void> {
  const args = [...accessOf(options), 'get', '--raw', '/version']
  const { code, stdout, stderr } = await run(args, options, { running, onError: options.onLogin })
  if (code !== 0 && !isForbidden(stderr)) throw new Error(`kubectl does not reach the cluster: ${lastLine(stderr)}`)
  reader.reading.addServerVersion(code === 0 ? parsed(stdout) : undefined, source)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly running: Set<ChildProcess>
  readonly onError?: (text: string) => void
}

function run(
  args: readonly string[],
  { program = 'kubectl', env }: KubectlOptions,
  { running, onError }: Running,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...env }, stdio: ['inherit', 'pipe', 'pipe'] })
    running.add(child)
    const printed = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    let bytes = 0
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk: Buffer) => {
        if (name === 'stderr') onError?.(chunk.toString())
        bytes += chunk.length
        if (bytes <= longestAnswer) printed[name].push(chunk)
        else child.kill()
      })
    child.once('error', (error: NodeJS.ErrnoException) => {
      running.delete(child)
      const isMissing = error.code === 'ENOENT'
      reject(isMissing ? new Error(`${program} is not there: install it, or give manifests by --from`) : error)
    })
    child.once('close', code => {
      running.delete(child)
      const [stdout, stderr] = [Buffer.concat(printed.stdout), Buffer.concat(printed.stderr)]
      if (bytes > longestAnswer) reject(new Error(`${args.join(' ')}: more than ${longestAnswer} bytes`))
      else resolve({ code, stdout: stdout.toString(), stderr: stderr.toString() })
    })
  })
}
