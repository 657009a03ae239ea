/** Puts the same questions to two policies and lists those that they answer differently. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { replayCall } from '../../../rbac/asking/calls/replay-call.ts'
import type { Decision } from '../../../rbac/decision.ts'
import type { PolicySnapshot } from '../../../rbac/policy.ts'
import { parsePolicyTests } from '../../../rbac/testing/policy-test.ts'
import { printable } from '../../../spelling/printable.ts'
import { reportError } from '../../report-error.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { readAuditFile } from '../audit-file.ts'
import { loadPolicy } from '../load-policy.ts'
import { type Sample, sampleQuestions } from './diff-sample.ts'
import type { Question } from './row-questions.ts'

export interface DiffChoice {
  readonly old: string
  readonly candidate: string
  readonly audit?: string
  readonly requests?: string
  readonly config?: string
  readonly failOnChange?: boolean
  readonly json?: boolean
}

interface Difference {
  readonly who: string
  readonly request: string
  readonly from: string
  readonly to: string
}

interface Report {
  readonly source: 'audit' | 'requests' | 'sample'
  asked: number
  /** Questions whose answer hangs on a fact that is not known. */
  uncertain: number
  changed: number
  readonly differences: Difference[]
  /** What a sample leaves out. */
  leftOut?: Omit<Sample, 'questions'>
}

const maxListed = 500

export async function diffPolicies(choice: DiffChoice, terminal: Terminal): Promise<number> {
  try {
    const config = choice.config === undefined ? {} : { config: choice.config }
    const old = (await loadPolicy({ ...config, directory: choice.old }, terminal)).snapshot
    const next = (await loadPolicy({ ...config, directory: choice.candidate }, terminal)).snapshot
    const report = await ask(choice, terminal, old, next)
    terminal.write(choice.json === true ? `${JSON.stringify(report, null, 2)}\n` : textReport(report, terminal))
    return report.changed > 0 && choice.failOnChange === true ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

async function ask(choice: DiffChoice, terminal: Terminal, old: PolicySnapshot, next: PolicySnapshot): Promise<Report> {
  const { audit, requests } = choice
  const source = audit !== undefined ? 'audit' : requests !== undefined ? 'requests' : 'sample'
  const report: Report = { source, asked: 0, uncertain: 0, changed: 0, differences: [] }
  const put = (question: Question): void => compare(question, old, next, report)
  if (audit !== undefined) await readAuditFile({ audit }, terminal, put)
  else if (requests !== undefined) readCases(resolve(terminal.cwd, requests)).forEach(put)
  else {
    const { questions, ...leftOut } = sampleQuestions(
      [
        [nameOf(choice.old), old],
        [nameOf(choice.candidate), next],
      ],
      seconds(),
      () => terminal.progress(() => 'choosing questions'),
    )
    report.leftOut = leftOut
    for (const question of questions) {
      terminal.progress(() => `${report.asked} of ${questions.length} questions asked`)
      put(question)
    }
  }
  return report
}

const nameOf = (directory: string): string => directory.replace(/\/+$/, '')

function compare(question: Question, old: PolicySnapshot, next: PolicySnapshot, report: Report): void {
  report.asked += 1
  const [before, after] = [replayCall(old, question), replayCall(next, question)]
  if (before.kind === 'uncertain' || after.kind === 'uncertain') {
    report.uncertain += 1
    return
  }
  if (before.decision.effect === after.decision.effect) return
  report.changed += 1
  if (report.differences.length === maxListed) return
  const { action, domain, resource } = question.request
  const request = `${action} ${domain}${resource}`
  report.differences.push({ who: question.who, request, from: textOf(before.decision), to: textOf(after.decision) })
}

const textOf = (decision: Decision): string => `${decision.effect}${'rule' in decision ? ` (${decision.rule})` : ''}`

const nothing: ReadonlySet<never> = new Set()

function readCases(file: string): readonly Question[] {
  const { cases } = parsePolicyTests({ name: file, text: readFileSync(file, 'utf8') }, { now: seconds() })
  return cases.map(({ name, identity, request, call, context }) => ({
    who: name,
    identity,
    request,
    call,
    context,
    missing: nothing,
  }))
}

const seconds = (): number => Math.floor(Date.now() / 1000)

function textReport(report: Report, { colors }: Terminal): string {
  const { source, asked, uncertain, changed, differences, leftOut } = report
  const lines = differences.map(({ who, request, from, to }) => {
    const change = `${from} -> ${to}`
    return `${printable(who)}  ${printable(request)}  ${to.startsWith('allow') ? colors.red(change) : colors.yellow(change)}`
  })
  const hidden = changed - differences.length
  const questions = source === 'sample' ? 'questions of a sample' : 'questions'
  const summary = `${changed} of ${asked} ${questions} are answered differently`
  const unknown = uncertain === 0 ? '' : `; ${uncertain} hang on facts that are not known`
  const more = hidden > 0 ? [`and ${hidden} more`] : []
  return `${[...lines, ...more, summary + unknown, ...(leftOut === undefined ? [] : remarksOn(leftOut))].join('\n')}\n`
}

function remarksOn({
  withoutPath,
  unmet,
  inPart,
  unasked,
  unsampled,
  alike,
}: Omit<Sample, 'questions'>): readonly string[] {
  const remark = (rows: readonly string[], text: string): string[] =>
    rows.length === 0
      ? []
      : [
          `${text}: ${rows.slice(0, 10).map(printable).join(', ')}${rows.length > 10 ? ` and ${rows.length - 10} more` : ''}`,
        ]
  return [
    ...remark(withoutPath, 'no path was found for the patterns of'),
    ...remark(unmet, 'no facts were found that meet the conditions of'),
    ...remark(unsampled, 'it was not found where these conditions turn, so that what changed in them may not be seen'),
    ...(alike > 0
      ? [`${alike} more rows have a condition like that of rows that were asked about where it turns`]
      : []),
    ...remark(inPart, 'not everybody was asked about, for lack of room, in'),
    ...(unasked > 0 ? [`the sample is full: nothing was asked for ${unasked} rows; use --audit or --requests`] : []),
  ]
}
