/** `sallyport doctor`: tries on the operator's own proxy, as it runs, what an attacker would. */
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { exchange } from './exchange.ts'
import { describeStatus, head, type Outcome, type Target } from './probe.ts'
import { probes } from './probes.ts'

export interface DoctorChoice {
  readonly json: boolean
}

interface Finding extends Outcome {
  readonly probe: string
  readonly title: string
  readonly docs: string
}

interface Examined {
  readonly url: string
  /** What a stranger gets who simply asks. */
  readonly usual: number
  readonly findings: readonly Finding[]
}

/** Fails when a probe does, and when an address cannot be reached. */
export async function runDoctor(
  addresses: readonly string[],
  { json }: DoctorChoice,
  terminal: Terminal,
): Promise<number> {
  try {
    const urls = addresses.map(readAddress)
    const examined: Examined[] = []
    for (const url of urls) examined.push(await examine(url, terminal))
    const isWell = examined.every(({ findings }) => findings.every(({ status }) => status !== 'fail'))
    if (json) terminal.write(`${JSON.stringify({ ok: isWell, addresses: examined })}\n`)
    else for (const one of examined) terminal.write(textOf(one, terminal))
    return isWell ? exitCodes.ok : exitCodes.failure
  } catch (error) {
    return reportError(error, terminal)
  }
}

function readAddress(text: string): URL {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new Error(`${text} is no address such as https://wiki.example.com/`)
  }
  return new URL(text)
}

async function examine(url: URL, terminal: Terminal): Promise<Examined> {
  const send = (bytes: string) => exchange(url, bytes)
  const usual = await send(`${head({ url })}Connection: close\r\n\r\n`).catch((cause: Error) => {
    throw new Error(`${url.origin} cannot be reached: ${cause.message}${hintFor(cause)}`, { cause })
  })
  const target: Target = { url, usual, send }
  const findings: Finding[] = []
  for (const { name, title, docs, run } of probes) {
    terminal.progress(() => `${url.host}: ${title}`)
    findings.push({ probe: name, title, docs, ...(await run(target)) })
  }
  return { url: url.href, usual: usual.status, findings }
}

/** Node says that it does not know the authority, and not what to do about it. */
const hintFor = (cause: Error): string =>
  'code' in cause && /SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)/.test(String(cause.code))
    ? '; for an authority of your own, set NODE_EXTRA_CA_CERTS to the file with its certificate'
    : ''

function textOf({ url, usual, findings }: Examined, { colors }: Terminal): string {
  const labels = {
    pass: colors.green('pass'),
    fail: colors.red('FAIL'),
    'not-applicable': colors.yellow('n/a '),
  } as const
  const lines = findings.flatMap(({ status, title, why, fix, docs }) => [
    `  ${labels[status]}  ${title}`,
    `        ${why}`,
    ...(fix === undefined ? [] : [`        to do: ${fix}`, `        see ${docs}`]),
  ])
  return `${url} (a stranger gets ${describeStatus(usual)})\n${lines.join('\n')}\n`
}
