/** `sallyport doctor`: looks at what the configuration names, and tries on the operator's own proxy what an attacker would. */

import type { InsecureSetting } from '../../config/checks/insecure.ts'
import { hostHeaderNames } from '../../config/schema/header-presets.ts'
import { findPolicyConfig, loadPolicy } from '../policy/load-policy.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { examineConfiguration } from './configuration/examine.ts'
import { type Examined, type Finding, isWell, type Report, reportText } from './findings.ts'
import { type Answer, exchange } from './probes/exchange.ts'
import { head, isServed, type Known, type Probe, type Target } from './probes/probe.ts'
import { probes, probesWhileStopped } from './probes/probes.ts'

export interface DoctorChoice {
  readonly json: boolean
  /** Whether the operator has stopped the service, to see what the proxy does then. Default false. */
  readonly isStopped?: boolean
  /** `--config` */
  readonly config?: string
  /** Default: none. */
  readonly allowInsecure?: ReadonlySet<InsecureSetting>
}

/** Fails when a probe does, and when an address cannot be reached. A configuration is looked at that is named, or alone. */
export async function runDoctor(
  addresses: readonly string[],
  choice: DoctorChoice,
  terminal: Terminal,
): Promise<number> {
  try {
    const urls = addresses.map(readAddress)
    if (choice.isStopped === true && urls.length === 0)
      return usage('--stopped is about pages behind the proxy: name one', terminal)
    const isNamed = choice.config !== undefined || terminal.env.SALLYPORT_CONFIG !== undefined
    const own = isNamed || urls.length === 0 ? await ownFindings(choice, terminal) : undefined
    if (own === undefined && urls.length === 0)
      return usage(
        'name pages behind the proxy, such as https://wiki.example.com/, or a configuration with --config',
        terminal,
      )
    const report: Report = {
      ...(own === undefined ? {} : { configuration: own.configuration }),
      addresses: await examineAll(urls, { known: own?.known, isStopped: choice.isStopped === true }, terminal),
    }
    terminal.write(
      choice.json ? `${JSON.stringify({ ok: isWell(report), ...report })}\n` : reportText(report, terminal),
    )
    return isWell(report) ? exitCodes.ok : exitCodes.failure
  } catch (error) {
    return error instanceof AddressError ? usage(error.message, terminal) : reportError(error, terminal)
  }
}

/**
 * A configuration or policy that cannot be read is the first thing to mend, and all that is said. `undefined` where there is
 * none.
 */
async function ownFindings({ config: path, allowInsecure = new Set() }: DoctorChoice, terminal: Terminal) {
  const choice = { ...(path === undefined ? {} : { config: path }), allowInsecure }
  // Without one the policy would be looked for where it is by default, and what is missing is something else.
  if (findPolicyConfig(choice, terminal) === undefined) return undefined
  const { snapshot, config } = await loadPolicy(choice, terminal)
  if (config === undefined) return undefined
  const { url: publicUrl } = config.server
  const { groupSeparator: _separator, ...names } = config.headers
  const known: Known = {
    policy: snapshot,
    publicUrl,
    identityHeaders: [...Object.values(names), ...hostHeaderNames(config)],
  }
  const findings = await examineConfiguration(config, snapshot, terminal)
  return { known, configuration: { url: publicUrl, findings } }
}

function readAddress(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw new AddressError(`${text} is no address such as https://wiki.example.com/`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw new AddressError(`an address with a user or a password in it: pages are asked for as a stranger`)
  return url
}

/** What is wrong with the command line. */
class AddressError extends Error {}

function usage(what: string, terminal: Terminal): number {
  terminal.writeError(`${terminal.colors.red('error')}: ${what}\n`)
  return exitCodes.usage
}

interface How {
  readonly known: Known | undefined
  readonly isStopped: boolean
}

async function examineAll(urls: readonly URL[], { known, isStopped }: How, terminal: Terminal): Promise<Examined[]> {
  const tried = isStopped ? probesWhileStopped : probes
  const asked: (readonly [URL, Answer])[] = []
  for (const url of urls) asked.push([url, await askAsAnybody(url)])
  for (const [url, usual] of asked) requirePage(url, usual)
  const open = asked.filter(([, { status }]) => isServed(status)).map(([url]) => url)
  const examined: Examined[] = []
  for (const [url, usual] of asked) {
    const openBeside = open.filter(other => other.host === url.host && other.pathname !== url.pathname)
    const send = (bytes: string) => exchange(url, bytes)
    const target = { url, usual, openBeside, send, ...(known === undefined ? {} : { known }) }
    examined.push(await examine(target, tried, terminal))
  }
  return examined
}

const askAsAnybody = (url: URL): Promise<Answer> =>
  exchange(url, `${head({ url })}Connection: close\r\n\r\n`).catch((cause: Error) => {
    throw new Error(`${url.origin} cannot be reached: ${cause.message}${hintFor(cause)}`, { cause })
  })

/**
 * Threat: everything passes, because nothing was asked but what sends every request to https. Throws for such an address.
 */
function requirePage(url: URL, { status, headers }: Answer): void {
  const location = headers.get('location')
  if (status < 300 || status >= 400 || location === undefined || !URL.canParse(location, url.href)) return
  const to = new URL(location, url)
  if (url.protocol === 'http:' && to.protocol === 'https:' && to.hostname === url.hostname)
    throw new Error(`${url.href} only leads to ${to.href}: name that one, where the pages are`)
}

async function examine(target: Target, tried: readonly Probe[], terminal: Terminal): Promise<Examined> {
  const findings: Finding[] = []
  for (const { name, title, docs, run } of tried) {
    terminal.progress(() => `${target.url.host}: ${title}`)
    findings.push({ probe: name, title, docs, ...(await run(target)) })
  }
  return { url: target.url.href, usual: target.usual.status, findings }
}

/** Node says that it does not know the authority, and not what to do about it. */
const hintFor = (cause: Error): string =>
  'code' in cause && /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)/.test(String(cause.code))
    ? '; for an authority of your own, set NODE_EXTRA_CA_CERTS to the file with its certificate'
    : ''
