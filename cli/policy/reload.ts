/** Asks the admin listener for a reload and says what it answered. */
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'

/** A load may wait for a database: longer than any that succeeds. */
const timeoutMs = 60_000

export interface ReloadChoice {
  /** Address of the admin listener. */
  readonly admin: string
  readonly json?: boolean
  /** Also load a policy under which nobody can open the console any more. */
  readonly force?: boolean
}

export async function reloadPolicy(
  { admin, json = false, force = false }: ReloadChoice,
  terminal: Terminal,
): Promise<number> {
  try {
    const answer = await askForReload(admin, force)
    if (json) terminal.write(`${JSON.stringify(answer)}\n`)
    else report(answer, terminal)
    return answer.outcome === 'rejected' ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

interface Answer {
  readonly outcome: 'loaded' | 'unchanged' | 'rejected'
  readonly revision: string
  readonly rows: number
  readonly lastError?: string
}

async function askForReload(admin: string, force: boolean): Promise<Answer> {
  if (!/^https?:\/\//.test(admin) || !URL.canParse(admin)) {
    throw new Error(`expected an address such as http://127.0.0.1:9181, got ${admin}`)
  }
  const url = new URL('/policy/reload', admin)
  const options = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ force }),
    signal: AbortSignal.timeout(timeoutMs),
  }
  const response = await fetch(url, options).catch((cause: unknown) => {
    throw new Error(`no answer from ${url.origin}; is the service running, and is this its admin.listen?`, { cause })
  })
  const body: unknown = await response.json().catch(() => undefined)
  if (isAnswer(body)) return body
  const reason = typeof body === 'object' && body !== null && 'error' in body ? `: ${String(body.error)}` : ''
  throw new Error(`${url.href} answered ${response.status}${reason}`)
}

const outcomes: readonly unknown[] = ['loaded', 'unchanged', 'rejected']

const isAnswer = (body: unknown): body is Answer =>
  typeof body === 'object' && body !== null && 'outcome' in body && outcomes.includes(body.outcome)

function report({ outcome, revision, rows, lastError = '' }: Answer, { write, writeError, colors }: Terminal): void {
  if (outcome === 'rejected') {
    writeError(`${colors.red('rejected')}: revision ${revision} stays in force, ${rows} rows\n${lastError}\n`)
  } else {
    write(`${colors.green(outcome)}: revision ${revision}, ${rows} rows\n`)
  }
}
