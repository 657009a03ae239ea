/** The stack of compose.yaml, started by podman-compose as a person would start it with `docker compose`. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type HttpResponse, request } from '../../cli/demo/browser.ts'
import { podman, podmanCompose, type Ran } from './podman.ts'

export type Profile = 'nginx' | 'traefik' | 'caddy'

export interface Composed {
  readonly origin: (name: string) => string
  /** Names of all containers that run. */
  readonly containers: () => Promise<readonly string[]>
  /** The name of one container. */
  readonly nameOf: (service: string) => string
  readonly network: string
  readonly up: () => Promise<void>
  /** The volumes stay. */
  readonly down: () => Promise<void>
  readonly end: () => Promise<void>
}

/** Where compose.yaml has the proxy listen. */
export const port = 8080

export function createComposed(profile: Profile): Composed {
  const project = `sallyport-test-${randomBytes(4).toString('hex')}`
  const compose = async (...args: readonly string[]): Promise<Ran> =>
    succeeded(await podmanCompose(['--project-name', project, '--profile', profile, ...args]), args.join(' '))
  const origin = (name: string): string => `http://${name}.localhost:${port}`
  return {
    origin,
    nameOf: service => `${project}_${service}_1`,
    network: `${project}_default`,
    async containers() {
      const { stdout } = await podman([
        'ps',
        '--format={{.Names}}',
        `--filter=label=io.podman.compose.project=${project}`,
      ])
      return stdout.split('\n').filter(Boolean)
    },
    async up() {
      await requireFree()
      await compose('up', '--detach')
      // Not before the provider has been asked who it is.
      await answers(`${origin('auth')}/login?rd=${encodeURIComponent(`${origin('wiki')}/`)}`)
    },
    down: async () => void (await compose('down')),
    end: async () => void (await podmanCompose(['--project-name', project, '--profile', profile, 'down', '--volumes'])),
  }
}

function succeeded(ran: Ran, what: string): Ran {
  if (ran.code !== 0) throw new Error(`podman-compose ${what} ended with ${ran.code}:\n${ran.stdout}\n${ran.stderr}`)
  return ran
}

// Another program there would be asked in place of the stack.
async function requireFree(): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  await new Promise(resolve => server.close(resolve))
}

const patienceMs = 240_000

/** Until the answer is no refusal of a part that is still starting. */
async function answers(url: string): Promise<HttpResponse> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const seen = await request(url).catch((error: Error) => error.message)
    if (typeof seen !== 'string' && seen.status < 500 && seen.status !== 404) return seen
    if (Date.now() > deadline) {
      throw new Error(
        `${url} has not answered: ${typeof seen === 'string' ? seen : `${seen.status} ${seen.body.slice(0, 200)}`}`,
      )
    }
    await sleep(250)
  }
}
