/** `sallyport demo --kubernetes`: kubectl through Sallyport, with a cluster of its own, until Ctrl-C; or checked by itself. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import colors from 'picocolors'
import { absentPrograms, clusterPrograms } from '../cluster/programs.ts'
import { interrupted, refuse, reportCheck } from '../ending.ts'
import { repositoryRoot } from '../paths.ts'
import { freePort, portOrFree } from '../ports.ts'
import { printStackError } from '../report.ts'
import { StackError } from '../stack.ts'
import { printAbsent, printJoined, printStory } from './report.ts'
import { type KubernetesStack, startKubernetesStack } from './stack.ts'
import { runKubernetesStory } from './story.ts'

export interface KubernetesDemoOptions {
  readonly proxy?: string
  /** Run the story and end. */
  readonly check: boolean
  /** Of the auth host; 8080 if absent, and another one when it is taken. */
  readonly port?: number
  /** For programs: one JSON object instead of text. Only with `check`. */
  readonly json?: boolean
}

const DEFAULT_PORT = 8080
const ADMIN_PORT = 9181
const INTERRUPTED = 130

/** The exit code: 0 when all went well, 130 when a check was interrupted, 1 when a check failed or something did not start, 2 for wrong options. */
export async function runKubernetesDemo(options: KubernetesDemoOptions): Promise<number> {
  if (options.proxy !== undefined) return refuse('There is no proxy in the demo with Kubernetes: leave --proxy out.')
  const programs = clusterPrograms()
  const absent = absentPrograms(programs, ['1.37'])
  if (absent.length > 0) {
    printAbsent(absent, existsSync(join(repositoryRoot, 'tests/kubernetes/install')))
    return 1
  }
  const isQuiet = options.json === true
  const say = isQuiet ? () => undefined : (text: string) => console.log(text)
  const wanted = options.port ?? DEFAULT_PORT
  // A check needs no particular port: taking any lets several run at once.
  const port = options.check && options.port === undefined ? await freePort() : await portOrFree(wanted)
  if (port !== wanted && wanted !== 0 && !options.check) say(colors.yellow(`Port ${wanted} is taken; using ${port}.`))
  const adminPort = options.check ? await freePort() : await portOrFree(ADMIN_PORT)
  const stopSignal = interrupted()
  const onProgress = (step: string): void => say(colors.dim(`starting ${step} …`))
  try {
    const stack = await startKubernetesStack({ programs, port, adminPort, onProgress })
    try {
      const ended = stopSignal.then(() => INTERRUPTED)
      return options.check ? await Promise.race([check(stack, isQuiet), ended]) : await serve(stack, stopSignal)
    } finally {
      await stack.stop()
    }
  } catch (error) {
    if (!(error instanceof StackError)) throw error
    printStackError(error)
    return 1
  }
}

async function serve(stack: KubernetesStack, stopSignal: Promise<unknown>): Promise<number> {
  printStory(stack)
  const death = await Promise.race([stopSignal.then(() => undefined), stack.died])
  if (death !== undefined) throw new StackError(death, stack.sallyport.isRunning() ? '' : stack.sallyport.lastLines())
  console.log(colors.dim('\nending …'))
  return 0
}

function check(stack: KubernetesStack, asJson: boolean): Promise<number> {
  return reportCheck({
    asJson,
    about: { kubernetes: true },
    run: async onResult => {
      const { results, calls } = await runKubernetesStory(stack, onResult)
      if (!asJson) printJoined(calls)
      return results
    },
  })
}
