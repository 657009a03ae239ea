/** `sallyport init`: asks, makes everything aside, looks whether it would start, and only then puts it in its place. */
import { statSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { checkConfig } from '../config.ts'
import { testPolicy } from '../policy/test.ts'
import { readHost, readPath } from '../proxy-config/read-options.ts'
import { runProxyConfig } from '../proxy-config/run.ts'
import { freshSecret } from '../secret.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { AnswerError, answersFrom, whyOf } from './answers.ts'
import type { Ask } from './ask.ts'
import { filesFor, ownSecretFile, redirectUri, socketOf, type WrittenFile } from './files.ts'
import type { Answers } from './questions.ts'

export interface InitChoice extends Partial<Readonly<Record<string, string>>> {
  /** Default: where the command is run. */
  readonly directory?: string
}

/** `ask` is absent where nobody can be asked. */
export async function runInit(choice: InitChoice, terminal: Terminal, ask?: Ask): Promise<number> {
  const target = resolve(terminal.cwd, choice.directory ?? '.')
  try {
    const answers = withSecretFile(await answersFrom(choice, terminal, ask), target, terminal)
    const proxyFiles = await tried(answers, target, terminal)
    const files = [...filesFor(answers, freshSecret()), ...proxyFiles]
    await place(files, target)
    terminal.write(report(answers, files, target, terminal))
    return exitCodes.ok
  } catch (error) {
    const { code, message, name } = error as NodeJS.ErrnoException
    if (!(error instanceof AnswerError) && code === undefined) throw error
    // Ctrl-C and Ctrl-D.
    terminal.writeError(name === 'AbortError' ? '\nnothing was written\n' : `error: ${message}\nnothing was written\n`)
    return error instanceof AnswerError ? exitCodes.usage : exitCodes.failure
  }
}

/** As the configuration names it, which reads paths from where it stands. */
function withSecretFile(answers: Answers, target: string, { cwd }: Terminal): Answers {
  const { clientSecretFile } = answers
  if (clientSecretFile === undefined) return { ...answers, clientSecretFile: ownSecretFile }
  if (isAbsolute(clientSecretFile)) return answers
  return { ...answers, clientSecretFile: `./${relative(target, resolve(cwd, clientSecretFile))}` }
}

/**
 * All of it in a folder of its own, read as the service and the proxy's command read it. The secret of the client may not
 * be there yet: another one stands in for it. Gives the files of the proxy.
 */
async function tried(answers: Answers, target: string, terminal: Terminal): Promise<readonly WrittenFile[]> {
  const aside = await mkdtemp(join(tmpdir(), 'sallyport-init-'))
  try {
    const standIn = { ...answers, clientSecret: freshSecret(), clientSecretFile: ownSecretFile }
    for (const file of filesFor(standIn, freshSecret())) await write(aside, file)
    const there = { ...terminal, cwd: aside, env: {}, write: () => undefined, progress: () => undefined }
    const choice = { config: join(aside, 'sallyport.yaml'), allowInsecure: new Set<never>() }
    const steps = [
      () => checkConfig({ ...choice, json: false }, there),
      () => testPolicy({ ...choice, format: 'text' }, there),
      () => runProxyConfig(answers.proxy, { ...choice, ...proxyChoice(answers, target, aside) }, there),
    ]
    // Each says on standard error what is wrong.
    for (const step of steps)
      if ((await step()) !== exitCodes.ok) throw new AnswerError('with these answers it would not start')
    return await filesIn(aside, 'proxy')
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

function proxyChoice({ host, tlsCertificate, tlsKey }: Answers, target: string, aside: string) {
  return {
    hosts: [readHost(host)],
    sallyport: [],
    grpc: [],
    balancers: [],
    proxyProtocol: false,
    clientCaOptional: false,
    http3: false,
    cluster: {},
    ...(tlsCertificate === undefined ? {} : { tlsCertificate }),
    ...(tlsKey === undefined ? {} : { tlsKey }),
    directory: folderOfProxy(target),
    output: join(aside, 'proxy'),
    force: false,
    json: false,
    list: false,
  }
}

/** It stands in the proxy's files, whose languages read some characters as something else. */
function folderOfProxy(target: string): string {
  try {
    return readPath(join(target, 'proxy'))
  } catch (error) {
    throw new AnswerError(`${target} cannot stand in files of a proxy: ${whyOf(error)}`)
  }
}

async function filesIn(root: string, folder: string): Promise<readonly WrittenFile[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return Promise.all(
    paths.sort().map(async path => ({ path: relative(root, path), text: await readFile(path, 'utf8') })),
  )
}

/** All or none. Rejects with the error of the system, or for a file that is there. */
async function place(files: readonly WrittenFile[], target: string): Promise<void> {
  const there: string[] = []
  for (const { path } of files) if (await exists(join(target, path))) there.push(join(target, path))
  if (there.length > 0) {
    const error: NodeJS.ErrnoException = new Error(`${there.join(', ')} ${there.length === 1 ? 'is' : 'are'} there`)
    error.code = 'EEXIST'
    throw error
  }
  const written: string[] = []
  try {
    for (const file of files) written.push(await write(target, file))
  } catch (error) {
    for (const path of written) await rm(path, { force: true })
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Secrets for nobody but the owner. A file that has come meanwhile is not overwritten. */
async function write(directory: string, { path, text }: WrittenFile): Promise<string> {
  const file = join(directory, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text, { flag: 'wx', mode: path.endsWith('.secret') ? 0o600 : 0o644 })
  return file
}

/** What writes the files of the proxy anew, after a change of the configuration. */
const printedAgain = ({ host, proxy, tlsCertificate, tlsKey }: Answers, target: string, config: string): string =>
  [
    `sallyport proxy-config ${proxy}${config} --host ${host} --output ${join(target, 'proxy')}`,
    ...(tlsCertificate === undefined ? [] : [`--tls-certificate ${tlsCertificate}`]),
    ...(tlsKey === undefined ? [] : [`--tls-key ${tlsKey}`]),
  ].join(' ')

/** Nothing where the file is there, holds something, and is nobody else's. */
function stepOfSecret(file: string): readonly string[] {
  const { size, mode } = statSync(file, { throwIfNoEntry: false }) ?? { size: 0, mode: 0 }
  if (size === 0) return [`put the secret of the client into ${file}, which nobody else may read`]
  return (mode & 0o077) === 0 ? [] : [`chmod 600 ${file}: it holds the secret of the client, and others can read it`]
}

function report(answers: Answers, files: readonly WrittenFile[], target: string, { colors, cwd }: Terminal): string {
  const { clientSecret = '', clientSecretFile, proxy, url } = answers
  const secretFile = resolve(target, clientSecretFile)
  const socket = socketOf(answers)
  const config = target === resolve(cwd) ? '' : ` -c ${join(target, 'sallyport.yaml')}`
  const steps = [
    `tell the provider where logins lead back to: ${redirectUri(url)}`,
    ...(clientSecret === '' ? stepOfSecret(secretFile) : []),
    `let the proxy read ${join(target, 'proxy')}: docs/proxies/${proxy}.md says how. It is printed again by
     ${printedAgain(answers, target, config)}`,
    ...(socket === undefined
      ? []
      : [
          `have the folder ${dirname(socket)} for the sockets, of the service's user, and name the proxy's group in server.socketOwner: docs/sockets.md`,
        ]),
    `sallyport doctor${config}     do provider, store and cookies fit?`,
    `sallyport serve${config}`,
  ]
  return `${colors.green('written')}, and it would start:
${files.map(({ path }) => `  ${join(target, path)}\n`).join('')}
next:
${steps.map((step, at) => `  ${at + 1}. ${step}\n`).join('')}`
}
