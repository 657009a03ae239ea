/** `sallyport demo`: the whole thing on one machine, with nothing but Node, until Ctrl-C; or checked by itself. */
import colors from 'picocolors'
import { runStory } from './check.ts'
import { interrupted, refuse, reportCheck } from './ending.ts'
import { isOnPath } from './executables.ts'
import { portOrFree } from './ports.ts'
import { findProxy, type ProxyKind, programOf, proxyKinds } from './proxies/proxies.ts'
import { printAddresses, printStackError } from './report.ts'
import { type Stack, StackError, startStack } from './stack.ts'

export interface DemoOptions {
  /** nginx, traefik, caddy, envoy, envoy-grpc, haproxy or built-in; the first one that is installed if absent. */
  readonly proxy?: string
  /** Run the story and end. */
  readonly check: boolean
  /** Of the reverse proxy, with `kubernetes` of the auth host; 8080 if absent, and another one when it is taken. */
  readonly port?: number
  /** The story of kubectl instead: a cluster of its own, and no proxy. */
  readonly kubernetes?: boolean
  /** For programs: one JSON object instead of text. Only with `check`. */
  readonly json?: boolean
}

const DEFAULT_PORT = 8080

/** The exit code: 0 when all went well, 1 when a check failed or something did not start, 2 for wrong options. */
export async function runDemo(options: DemoOptions): Promise<number> {
  if (options.kubernetes === true) return (await import('./kubernetes/main.ts')).runKubernetesDemo(options)
  const say = options.json === true ? () => undefined : (text: string) => console.log(text)
  const proxy = options.proxy ?? findProxy()
  if (!isProxyKind(proxy)) return refuse(`There is no proxy called "${proxy}": choose one of ${proxyKinds.join(', ')}.`)
  if (proxy !== 'built-in' && !isOnPath(programOf(proxy))) {
    return refuse(`${proxy} is not installed (not on the PATH). Without --proxy the demo takes what there is.`)
  }
  const wanted = options.port ?? DEFAULT_PORT
  // A check needs no particular port: taking any lets several run at once.
  const port = await portOrFree(options.check && options.port === undefined ? 0 : wanted)
  if (port !== wanted && !options.check) say(colors.yellow(`Port ${wanted} is taken; using ${port}.`))
  const stopSignal = interrupted()
  try {
    const stack = await startStack({ proxy, port, onProgress: step => say(colors.dim(`starting ${step} …`)) })
    try {
      return options.check ? await check(stack, options.json === true) : await serve(stack, stopSignal)
    } finally {
      await stack.stop()
    }
  } catch (error) {
    if (!(error instanceof StackError)) throw error
    printStackError(error)
    return 1
  }
}

function isProxyKind(name: string): name is ProxyKind {
  return (proxyKinds as readonly string[]).includes(name)
}

async function serve(stack: Stack, stopSignal: Promise<unknown>): Promise<number> {
  printAddresses(stack.origin, stack.proxy.kind)
  const death = await Promise.race([stopSignal.then(() => undefined), stack.died])
  if (death === undefined) {
    console.log(colors.dim('\nending …'))
    return 0
  }
  const log = [stack.sallyport, stack.proxy.child].find(child => child !== undefined && !child.isRunning())?.lastLines()
  throw new StackError(death, log ?? '')
}

function check(stack: Stack, asJson: boolean): Promise<number> {
  return reportCheck({
    asJson,
    about: { proxy: stack.proxy.kind },
    run: onResult => runStory(stack.origin, onResult),
  })
}
