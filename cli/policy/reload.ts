/** Asks the admin listener for a reload and says what it answered. */
import { callAdmin, strangeAnswer } from '../admin/call.ts'
import type { AdminValues } from '../admin/option.ts'
import { type AdminPlace, adminPlace } from '../admin/place.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'

export interface ReloadChoice extends AdminValues {
  readonly json?: boolean
  /** Also load a policy under which nobody can open the console any more. */
  readonly force?: boolean
}

export async function reloadPolicy(values: ReloadChoice, terminal: Terminal): Promise<number> {
  const { json = false, force = false } = values
  try {
    const answer = await askForReload(adminPlace(values, terminal), force)
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

async function askForReload(admin: AdminPlace, force: boolean): Promise<Answer> {
  const answer = await callAdmin(admin, '/policy/reload', { method: 'POST', body: { force } })
  if (isAnswer(answer.body)) return answer.body
  throw strangeAnswer(answer)
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
