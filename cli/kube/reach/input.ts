/** Where the objects of a cluster come from, for every command that reviews one. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { createCluster } from '../../../app/kubernetes/gateway/upstream/cluster.ts'
import { inClusterAccess } from '../../../app/kubernetes/gateway/upstream/in-cluster.ts'
import { readByApiServer } from '../../../app/kubernetes/reading/api-server.ts'
import { longestFile, readFiles } from '../../../app/kubernetes/reading/files.ts'
import { readByKubectl } from '../../../app/kubernetes/reading/kubectl.ts'
import { createApiCalls } from '../../../app/kubernetes/rights/api-calls.ts'
import type { ClusterObjects } from '../../../rbac/reach/objects.ts'
import { createReading, type Reading } from '../../../rbac/reach/reading/reading.ts'
import { reportError } from '../../report-error.ts'
import type { Terminal } from '../../terminal.ts'
import { problemsText } from './problems-text.ts'

export interface InputChoice {
  readonly from?: readonly string[]
  readonly manifestNamespace?: string
  readonly context?: string
  readonly kubeconfig?: string
  readonly inCluster?: boolean
  readonly serviceAccountDir?: string
  readonly scanSecrets?: boolean
  readonly readNamespace?: readonly string[]
}

/** Said in the help of each of these commands. */
export const inputHelp = `
What is reviewed comes from your own kubectl and its current context, unless it is told otherwise: it logs in as it always
does, and needs no right but get and list. What you may not list is left out, and said. --read-namespace asks for single
namespaces, and for what belongs to none as far as you may list it: whatever stands elsewhere is in no count, and no check passes
(--fail-on). --from reads manifests, the output of Helm and dumps of kubectl instead; of an object that comes twice the last counts,
as with kubectl apply. Whatever was not read is said at the end.

Secrets are not asked for. With --scan-secrets their type and metadata are (name, namespace, labels, annotations, age), for which one
needs list of secrets: what they hold stays with the API server, or with your own kubectl. Of Secrets in --from it is dropped while
they are read, but for the expiration of a bootstrap token.`

export const addInput = (command: Command): Command =>
  command
    .addOption(
      new Option('--from <path...>', 'manifests instead of a cluster: files, folders, - for standard input').conflicts([
        'context',
        'kubeconfig',
      ]),
    )
    .option('--manifest-namespace <name>', 'with --from: namespace of objects that name none', 'default')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--kubeconfig <file>', 'which kubeconfig')
    .addOption(new Option('--in-cluster', 'as the service account of this pod').conflicts(['from', 'context']))
    .option(
      '--service-account-dir <folder>',
      'with --in-cluster: where its token and ca.crt are mounted, if not as usual',
    )
    .addOption(
      new Option(
        '--read-namespace <name...>',
        'of a cluster these namespaces alone, for whoever may not list all of them',
      )
        .argParser(readNamespaces)
        .conflicts('from'),
    )
    .option('--scan-secrets', 'ask a cluster for the type and metadata of Secrets as well, never for what they hold')

/** As the API server takes it (RFC 1123 section 2.1). Threat: it becomes part of a path, and an argument of kubectl. */
function readNamespaces(name: string, before: readonly string[] = []): readonly string[] {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
    throw new InvalidArgumentError('Expected the name of a namespace, such as payments.')
  return [...new Set([...before, name])]
}

/** Rejects where nothing at all could be read. */
export async function readObjects(choice: InputChoice, terminal: Terminal): Promise<ClusterObjects> {
  const { from, manifestNamespace: namespace } = choice
  const assumesShippedRoles = from !== undefined
  const reading = createReading({ assumesShippedRoles, ...(namespace !== undefined && { namespace }) })
  const reader = { reading, progress: terminal.progress }
  if (from !== undefined) await readFiles({ paths: from, cwd: terminal.cwd, stdin: readStdin }, reader)
  else if (choice.inCluster) await readFromPod(choice, reading, terminal)
  else {
    const { context, kubeconfig, scanSecrets = false, readNamespace } = choice
    await readByKubectl(
      {
        ...(context !== undefined && { context }),
        ...(kubeconfig !== undefined && { kubeconfig }),
        scansSecrets: scanSecrets,
        namespaces: readNamespace,
        env: terminal.env,
        onLogin: terminal.writeError,
      },
      reader,
    )
  }
  const objects = reading.finish()
  if (objects.objectsSeen === 0 && objects.problems.length === 0)
    throw new Error('there is nothing to read: no object was found')
  // Whoever may list nothing would be told that nothing was found.
  if (from === undefined && objects.kindsRead.size === 0) {
    terminal.writeError(problemsText(objects))
    throw new Error(`nothing of the cluster could be read${choice.readNamespace === undefined ? hint : ''}`)
  }
  return objects
}

const hint = ': where you may list some namespaces alone, name them by --read-namespace'

async function readFromPod(
  { scanSecrets = false, serviceAccountDir, readNamespace }: InputChoice,
  reading: Reading,
  terminal: Terminal,
): Promise<void> {
  const access = inClusterAccess(terminal.env, serviceAccountDir && resolve(terminal.cwd, serviceAccountDir))
  const cluster = createCluster({ name: 'cluster', access, onError: error => void reportError(error, terminal) })
  try {
    // A page of pods may be long, and where the server has forgotten its beginning the list comes whole.
    const call = createApiCalls(cluster, { longestAnswerMs: 60_000, mostBytes: longestFile })
    await readByApiServer(
      { call, source: 'cluster', scansSecrets: scanSecrets, namespaces: readNamespace },
      { reading, progress: terminal.progress },
    )
  } finally {
    cluster.close()
  }
}

async function readStdin(): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of process.stdin) {
    parts.push(part as Buffer)
    bytes += (part as Buffer).length
    if (bytes > longestFile) throw new Error(`standard input has more than ${longestFile} bytes: split it`)
  }
  return Buffer.concat(parts)
}
