/** `sallyport proxy-config`: reads the configuration, asks a format, prints or writes what it says. */
import { resolve } from 'node:path'
import type { InsecureSetting } from '../../config/checks/insecure.ts'
import type { Config } from '../../config/config.ts'
import { isReservedDomain } from '../../rbac/domains.ts'
import { PolicyError } from '../../rbac/policy-error.ts'
import { suggestion } from '../../spelling/nearest.ts'
import { loadChosenConfig } from '../load-config.ts'
import { type LoadedPolicy, loadPolicy } from '../policy/load-policy.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { conditionHeaders } from './condition-headers.ts'
import type { ProxyFile, ProxyFormat } from './format.ts'
import { formats } from './formats.ts'
import { marked } from './mark.ts'
import { notesOf } from './notes.ts'
import { type NamedHost, type ProxyOptions, questionOf } from './question.ts'
import { QuestionError } from './question-error.ts'
import { readPath } from './read-options.ts'
import { refuseUnread } from './unread-options.ts'
import { writeFiles } from './write-files.ts'

/** The command line; addresses and paths are checked. */
export interface ProxyConfigChoice extends Omit<ProxyOptions, 'directory' | 'tls'> {
  readonly config?: string
  readonly allowInsecure: ReadonlySet<InsecureSetting>
  readonly tlsCertificate?: string
  readonly tlsKey?: string
  readonly directory?: string
  readonly output?: string
  readonly force: boolean
  readonly json: boolean
  readonly list: boolean
}

export async function runProxyConfig(
  name: string | undefined,
  choice: ProxyConfigChoice,
  terminal: Terminal,
): Promise<number> {
  if (choice.list) return list(choice, terminal)
  try {
    const format = formatOf(name)
    refuseUnread(format, choice)
    const files = await filesOf(format, choice, terminal)
    if (choice.output === undefined) print(files, choice, terminal)
    else await write(files, { ...choice, output: choice.output }, terminal)
    return exitCodes.ok
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error
    terminal.writeError(`error: ${error.message}\n`)
    return exitCodes.usage
  }
}

function list({ json }: ProxyConfigChoice, terminal: Terminal): number {
  const rows = formats.map(({ name, summary, retired }) => ({
    name,
    summary,
    ...(retired === undefined ? {} : { retired }),
  }))
  const width = Math.max(...rows.map(({ name }) => name.length))
  const line = ({ name, summary, retired }: (typeof rows)[number]): string =>
    `${name.padEnd(width)}  ${summary}${retired === undefined ? '' : ` (retired: ${retired})`}\n`
  terminal.write(json ? `${JSON.stringify({ formats: rows }, null, 2)}\n` : rows.map(line).join(''))
  return exitCodes.ok
}

function formatOf(name: string | undefined): ProxyFormat {
  const names = formats.map(format => format.name)
  if (name === undefined) throw new QuestionError(`which proxy? One of ${names.join(', ')}`)
  const format = formats.find(one => one.name === name)
  if (format !== undefined) return format
  throw new QuestionError(`there is no such proxy here (there are ${names.join(', ')})${suggestion(name, names)}`)
}

async function filesOf(
  format: ProxyFormat,
  choice: ProxyConfigChoice,
  terminal: Terminal,
): Promise<readonly ProxyFile[]> {
  const { config } = loadChosenConfig(choice, terminal)
  const policy = await policyFor(format, choice, terminal)
  const hosts = choice.hosts.length > 0 ? choice.hosts : knownHosts(config, policy?.snapshot.domains ?? [], terminal)
  const question = questionOf({
    config,
    conditionHeaders: conditionHeaders([policy?.texts.conditions ?? []].flat()),
    options: { ...choice, hosts, ...tlsOf(choice), directory: directoryOf(format, choice, terminal) },
    fetchesCertificates: format.fetchesCertificates === true,
    speaksHttp3: format.speaksHttp3 === true,
    asksForCertificates: format.asksForCertificates === true,
    takesProxyProtocol: format.takesProxyProtocol === true,
    asksOverGrpc: format.asksOverGrpc === true,
    opensSockets: format.opensSockets === true,
    ...(format.certificateHeader === undefined ? {} : { certificateHeader: format.certificateHeader }),
    ...(format.upstreamOf === undefined ? {} : { upstreamOf: format.upstreamOf }),
  })
  const files = format.render(question).map(file => marked(file, format.name))
  for (const note of notesOf(format, config, question)) terminal.writeError(`note: ${note}\n`)
  return files
}

function tlsOf({ tlsCertificate, tlsKey }: ProxyConfigChoice): Pick<ProxyOptions, 'tls'> {
  if (tlsCertificate === undefined && tlsKey === undefined) return {}
  if (tlsCertificate === undefined || tlsKey === undefined)
    throw new QuestionError('--tls-certificate and --tls-key belong together: one of them is missing')
  return { tls: { certificate: tlsCertificate, key: tlsKey } }
}

/** The folder of the output is often that of the proxy; where it is not, --directory says so. */
function directoryOf(format: ProxyFormat, { directory, output }: ProxyConfigChoice, { cwd }: Terminal): string {
  if (directory !== undefined) return directory
  if (output === undefined) return format.directory ?? `/etc/${format.name}`
  try {
    return readPath(resolve(cwd, output))
  } catch (error) {
    throw new QuestionError(
      `--output cannot stand in a proxy's configuration (${error instanceof Error ? error.message : ''}): say with --directory where the files will be`,
    )
  }
}

/** Where hosts are named it is read for the headers of its conditions alone, and may be on another machine. */
async function policyFor(
  { listsHeaders = false }: ProxyFormat,
  choice: ProxyConfigChoice,
  terminal: Terminal,
): Promise<LoadedPolicy | undefined> {
  if (choice.hosts.length === 0) return loadPolicy(choice, terminal)
  if (!listsHeaders) return undefined
  try {
    return await loadPolicy(choice, terminal)
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error
    const [problem] = error.problems
    terminal.writeError(
      `note: the policy cannot be read (${problem?.file}: ${problem?.message}). Headers that its conditions read are not among those that the gateway sends: a deny by one would not apply. Print again where it can be read\n`,
    )
    return undefined
  }
}

/** Those that are named one by one. A pattern names no host, and is said. */
function knownHosts(config: Config, domains: readonly string[], terminal: Terminal): readonly NamedHost[] {
  const login = new URL(config.server.url).hostname
  const all = [...new Set([...config.hosts.map(({ host }) => host), ...domains])]
  const named = all.filter(domain => !isReservedDomain(domain) && domain !== login)
  const patterns = named.filter(domain => domain.includes('*'))
  if (patterns.length > 0)
    terminal.writeError(`note: ${patterns.join(', ')} name no single host: name those that you have with --host\n`)
  return named.filter(domain => !patterns.includes(domain)).map(host => ({ host }))
}

function print(files: readonly ProxyFile[], { json }: ProxyConfigChoice, terminal: Terminal): void {
  if (json) {
    terminal.write(`${JSON.stringify({ files: files.map(({ path, text }) => ({ path, text })) }, null, 2)}\n`)
    return
  }
  const [only] = files
  if (files.length === 1 && only !== undefined) terminal.write(only.text)
  else terminal.write(files.map(({ path, text }) => `==> ${path} <==\n${text}`).join('\n'))
}

async function write(
  files: readonly ProxyFile[],
  { output, force, json }: ProxyConfigChoice & { readonly output: string },
  terminal: Terminal,
): Promise<void> {
  const directory = resolve(terminal.cwd, output)
  const written = await writeFiles(files, directory, force)
  terminal.write(
    json
      ? `${JSON.stringify({ directory, files: written }, null, 2)}\n`
      : written.map(path => `${path} written\n`).join(''),
  )
}
