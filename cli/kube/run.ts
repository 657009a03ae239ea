/** What the commands of `sallyport kube` do. */
import { copyFile, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, resolve } from 'node:path'
import { exitCodes, type Terminal } from '../terminal.ts'
import { hasBrowser, logInWithBrowser, openBrowser } from './browser-login.ts'
import { type Cache, openCache } from './cache.ts'
import { logInWithCode } from './device-login.ts'
import { execCredential, parseExecInfo } from './exec-info.ts'
import { type Account, createGrantClient, type GrantClient, parseServer, type TokenAnswer } from './grant-client.ts'
import { kubeconfigEntries, mergeKubeconfig, newKubeconfig } from './kubeconfig.ts'
import { keep, LoginNeededError, obtainToken } from './obtain.ts'

export interface KubeChoice {
  /** Address of the auth host; default: SALLYPORT_KUBE_SERVER, else that of the last login. */
  readonly server?: string
  readonly caFile?: string
  readonly json?: boolean
}

export interface LoginChoice extends KubeChoice {
  readonly device?: boolean
  /** False with --no-browser. */
  readonly browser?: boolean
}

export interface CredentialChoice extends KubeChoice {
  readonly cluster?: string
}

export interface KubeconfigChoice extends KubeChoice {
  readonly merge?: boolean
  readonly file?: string
  readonly command: string
  readonly cluster?: readonly string[]
}

interface World {
  readonly cache: Cache
  readonly client: GrantClient
  readonly startedAt: number
}

export const runLogin = (choice: LoginChoice, terminal: Terminal): Promise<number> =>
  withWorld(choice, terminal, async world => {
    const { cache, client } = world
    const answer = await cache.withLock(client.server, { waitMs: 5_000 }, async () => {
      const kept = await cache.read(client.server)
      const { isEnded: _ended, unattendedAt: _at, ...rest } = kept
      const answer = await logIn(choice, { client, terminal })
      await keep(answer, { ...rest, ...caFileOf(choice, terminal) }, world)
      // The machine had one already: nothing is to be left that nobody uses.
      if (kept.refreshToken !== undefined) await client.revoke(kept.refreshToken).catch(() => undefined)
      return answer
    })
    await cache.noteServer(client.server)
    const account = await client.account(answer.accessToken)
    if (choice.json === true) terminal.write(`${JSON.stringify(account)}\n`)
    else terminal.write(`Logged in as ${nameOf(account)}${untilOf(account)}\n`)
    return exitCodes.ok
  })

export const runCredential = (choice: CredentialChoice, terminal: Terminal): Promise<number> => {
  const info = parseExecInfo(terminal.env.KUBERNETES_EXEC_INFO)
  const cluster = choice.cluster ?? info.cluster
  if (cluster === undefined)
    throw new Error('which cluster? --cluster says it, or provideClusterInfo: true in the kubeconfig')
  const server = choice.server ?? info.server
  return withWorld({ ...choice, ...(server !== undefined && { server }) }, terminal, async world => {
    const { client } = world
    // A page in front of somebody who did not ask for it would be taken for anything.
    const ask = () => logIn({ ...choice, browser: true }, { client, terminal, audience: cluster })
    const token = await obtainToken({ ...world, cluster, ...(info.isInteractive && { logIn: ask }) })
    terminal.write(execCredential(info.apiVersion, token))
    return exitCodes.ok
  })
}

export const runWhoami = (choice: KubeChoice, terminal: Terminal): Promise<number> =>
  withAccount(choice, terminal, (account, { client }) => {
    if (choice.json === true) return terminal.write(`${JSON.stringify(account)}\n`)
    const groups = account.groups.length === 0 ? 'none' : account.groups.join(', ')
    terminal.write(
      `${nameOf(account)}\nsubject  ${account.sub}\ngroups   ${groups}\nat       ${client.server}\nsession  ${account.session}${untilOf(account)}\n`,
    )
  })

export const runClusters = (choice: KubeChoice, terminal: Terminal): Promise<number> =>
  withAccount(choice, terminal, ({ clusters }) => {
    if (choice.json === true) return terminal.write(`${JSON.stringify({ clusters })}\n`)
    const width = Math.max(...clusters.map(({ name }) => name.length))
    for (const { name, server } of clusters) terminal.write(`${name.padEnd(width)}  ${server}\n`)
  })

export const runLogout = (choice: KubeChoice, terminal: Terminal): Promise<number> =>
  withWorld(choice, terminal, async ({ cache, client }) => {
    await cache.withLock(client.server, { waitMs: 5_000 }, async () => {
      const { refreshToken, caFile } = await cache.read(client.server)
      // Here first: whatever the auth host says, this machine has nothing any more.
      await cache.write(client.server, { tokens: {}, ...(caFile !== undefined && { caFile }) })
      if (refreshToken !== undefined) await client.revoke(refreshToken)
    })
    if (choice.json === true) terminal.write('{"loggedOut":true}\n')
    else terminal.write(`Logged out of ${client.server} on this machine. The browser stays logged in.\n`)
    return exitCodes.ok
  })

export const runKubeconfig = (choice: KubeconfigChoice, terminal: Terminal): Promise<number> =>
  withAccount(choice, terminal, async (account, { client, cache }) => {
    const { cluster: names, command, merge = false } = choice
    const unknown = names?.find(name => account.clusters.every(known => known.name !== name))
    if (unknown !== undefined)
      throw new Error(`there is no cluster ${unknown}: sallyport kube clusters shows which there are`)
    const { caFile } = await cache.read(client.server)
    const entries = kubeconfigEntries({
      server: client.server,
      clusters: account.clusters.filter(({ name }) => names?.includes(name) ?? true),
      ...(account.certificate_authority !== undefined && { certificateAuthority: account.certificate_authority }),
      command,
      ...(caFile !== undefined && { caFile }),
    })
    if (!merge) return terminal.write(newKubeconfig(entries))
    const path = await mergeInto(kubeconfigPath(choice, terminal), text => mergeKubeconfig(text, entries))
    const contexts = entries.contexts.map(({ name }) => name)
    if (choice.json === true) return terminal.write(`${JSON.stringify({ file: path, contexts })}\n`)
    terminal.write(`${path} has the contexts ${contexts.join(', ')}\nTry: kubectl --context ${contexts[0]} get pods\n`)
  })

function kubeconfigPath({ file }: KubeconfigChoice, { cwd, env }: Terminal): string {
  if (file !== undefined) return resolve(cwd, file)
  // kubectl writes to the first of several as well.
  const [first] = (env.KUBECONFIG ?? '').split(delimiter).filter(path => path !== '')
  return resolve(cwd, first ?? `${env.HOME ?? homedir()}/.kube/config`)
}

/** The file as it was stands beside it as `….sallyport-backup`; a link stays one. */
async function mergeInto(named: string, change: (text: string) => string): Promise<string> {
  const path = await realpath(named).catch(() => named)
  const before = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  let after: string
  try {
    after = change(before ?? '')
  } catch (error) {
    throw new Error(`${path} was left as it is: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  if (after === before) return path
  const mode = before === undefined ? 0o600 : (await stat(path)).mode & 0o777
  if (before === undefined) await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  else await copyFile(path, `${path}.sallyport-backup`)
  const fresh = `${path}.${process.pid}.sallyport-new`
  await writeFile(fresh, after, { mode, flag: 'wx' })
  await rename(fresh, path)
  return path
}

interface Asking {
  readonly client: GrantClient
  readonly terminal: Terminal
  readonly audience?: string
}

/** In the browser of this machine, or with a code where there is none. */
function logIn(choice: LoginChoice, { client, terminal, audience }: Asking): Promise<TokenAnswer> {
  const { env, writeError } = terminal
  const wanted = { client, ...(audience !== undefined && { audience }) }
  const isShown = choice.browser === false
  if (choice.device === true || (!isShown && !hasBrowser(env))) {
    return logInWithCode({
      ...wanted,
      show: ({ page, completePage, userCode, expiresInSeconds }) =>
        writeError(
          `Open ${page} on any device and enter ${userCode}\n(or open ${completePage}; both are good for ${Math.floor(expiresInSeconds / 60)} minutes)\n`,
        ),
    })
  }
  return logInWithBrowser({
    ...wanted,
    show: url => {
      if (isShown) return writeError(`Open this address in a browser of this machine:\n${url}\n`)
      writeError('Your browser asks whether this command line may act as you …\n')
      openBrowser(url, env, () => writeError(`There is no browser to open. Open this address in one:\n${url}\n`))
    },
  })
}

function withAccount(
  choice: KubeChoice,
  terminal: Terminal,
  use: (account: Account, world: World) => unknown,
): Promise<number> {
  return withWorld(choice, terminal, async world => {
    const { token } = await obtainToken(world)
    await use(await world.client.account(token), world)
    return exitCodes.ok
  })
}

async function withWorld(
  choice: KubeChoice,
  terminal: Terminal,
  use: (world: World) => Promise<number>,
): Promise<number> {
  const startedAt = Date.now()
  const cache = await openCache(terminal.env)
  const named = choice.server ?? terminal.env.SALLYPORT_KUBE_SERVER ?? (await cache.lastServer())
  if (named === undefined)
    throw new Error('which auth host? For the first time: sallyport kube login --server https://auth.example.com')
  const server = parseServer(named)
  const ca = caFileOf(choice, terminal).caFile ?? (await cache.read(server)).caFile
  const client = createGrantClient(server, ca)
  try {
    return await use({ cache, client, startedAt })
  } catch (error) {
    if (!(error instanceof LoginNeededError)) throw error
    terminal.writeError(`sallyport: ${error.message}\n`)
    return exitCodes.failure
  } finally {
    await client.close()
  }
}

const caFileOf = ({ caFile }: KubeChoice, { cwd }: Terminal): { readonly caFile?: string } =>
  caFile === undefined ? {} : { caFile: resolve(cwd, caFile) }

const nameOf = ({ email, name, sub }: Account): string => email ?? name ?? sub

const untilOf = ({ session_ends_at: endsAt }: Account): string =>
  `, until ${new Date(endsAt * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC at the latest`
