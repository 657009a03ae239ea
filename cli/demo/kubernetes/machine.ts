/** What a person has in front of them: a browser, a terminal, and a home of its own for kubectl. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, createBrowser, type HttpResponse } from '../browser.ts'
import { type KubectlResult, type RunningKubectl, startKubectl } from '../cluster/kubectl.ts'
import { choosePerson, isProviderPage } from '../session.ts'
import type { KubernetesStack } from './stack.ts'

export interface Machine {
  readonly browser: Browser
  /** To its end, whatever the exit code. */
  readonly kubectl: (...args: readonly string[]) => Promise<KubectlResult>
  readonly startKubectl: (...args: readonly string[]) => RunningKubectl
  readonly sallyport: (...args: readonly string[]) => Promise<KubectlResult>
  /** `sallyport kube login`, answered in the browser as this person. */
  readonly logIn: (person: string) => Promise<KubectlResult>
  /** Each token that it keeps. */
  readonly tokens: () => readonly string[]
}

export function createMachine({ places, directory, origin, code }: KubernetesStack, name: string): Machine {
  const home = join(directory, name)
  mkdirSync(home, { mode: 0o700 })
  const cache = join(home, '.kube/cache')
  const kubeconfig = { path: places.kubeconfig, home }
  const browser = createBrowser()
  const env = { SALLYPORT_KUBE_SERVER: origin }
  const start = (program: string, args: readonly string[]) => startKubectl(program, { args, kubeconfig, env })
  return {
    browser,
    kubectl: (...args) => start(places.kubectl, args).ended,
    startKubectl: (...args) => start(places.kubectl, args),
    sallyport: (...args) => start(places.sallyport, args).ended,
    logIn: async person => {
      const login = start(places.sallyport, ['kube', 'login', '--no-browser'])
      const [address] = await login.untilPrinted(/^http:\S+$/m)
      let page = await browser.visit(address)
      if (isProviderPage(page)) page = await choosePerson(browser, page, person, { code })
      await allow(browser, page)
      return login.ended
    },
    tokens: () =>
      readdirSync(join(cache, 'sallyport'))
        .filter(file => file.endsWith('.json'))
        .flatMap(file => readFileSync(join(cache, 'sallyport', file), 'utf8').match(/[\w.-]{40,}/g) ?? []),
  }
}

/** Presses the button of the page that asks whether kubectl may act as this person. */
async function allow(browser: Browser, page: HttpResponse): Promise<void> {
  if (!page.body.includes('name="decision"')) {
    throw new Error(`expected the page that asks about kubectl, got ${page.status} from ${page.url}`)
  }
  await browser.submit(page, { decision: 'allow' })
}
