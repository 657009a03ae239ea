/** Explains one request: a hypothetical one, one of the running service, or one of an audit file. */

import { canonicalHosts } from '../../../config/host-settings.ts'
import { explainCall } from '../../../rbac/asking/calls/explain-call.ts'
import { type HeaderOf, parseCall, type WrittenCall } from '../../../rbac/asking/calls/parse-call.ts'
import { ValueError } from '../../../rbac/policy-error.ts'
import type { CanonicalOptions } from '../../../rbac/request/access-request.ts'
import { callAdmin } from '../../admin/call.ts'
import { adminPlace } from '../../admin/place.ts'
import type { Terminal } from '../../terminal.ts'
import { type AnswerValues, choiceOf, printAnswer } from '../answer.ts'
import { loadPolicy } from '../load-policy.ts'
import { explainFromAudit } from './explain-audit.ts'
import { type ExplainAnswer, formatExplanation } from './explain-text.ts'
import { type FactValues, parseFacts, parseWho, type WhoValues } from './who-options.ts'

export interface ExplainValues extends WhoValues, FactValues, AnswerValues {
  /** Arguments: action, address and, in a cluster, path. */
  readonly question?: readonly string[]
  readonly url?: string
  readonly method?: string
  readonly request?: string
  readonly admin?: string
  readonly audit?: string
  readonly all?: boolean
}

export function explainPolicy(values: ExplainValues, terminal: Terminal): Promise<number> {
  const format = (answer: ExplainAnswer): string => formatExplanation(answer, terminal, values.all === true)
  return printAnswer<ExplainAnswer>(values, terminal, () => answerTo(values, terminal), format)
}

function answerTo(values: ExplainValues, terminal: Terminal): Promise<ExplainAnswer> {
  const { request, url, audit, question = [] } = values
  const given = [request !== undefined, url !== undefined, question.length > 0].filter(isGiven => isGiven)
  if (given.length !== 1) throw new ValueError('say what to explain: <action> <address> [path], --url or --request')
  if (request === undefined) return explainQuestion(values, terminal)
  if (audit === undefined) return askService(request, values, terminal)
  return explainFromAudit(request, audit, choiceOf(values), terminal)
}

async function explainQuestion(values: ExplainValues, terminal: Terminal): Promise<ExplainAnswer> {
  const { snapshot, config } = await loadPolicy(choiceOf(values), terminal)
  const identity = parseWho(values, config)
  const context = parseFacts(values, Math.floor(Date.now() / 1000), terminal.cwd, snapshot)
  return explainCall(callOf(values, context.header, config && canonicalHosts(config)), { identity, context }, snapshot)
}

/** Kubernetes and console addresses are `<domain>/<path>`; the form of test files has a space there. */
function callOf(
  { url = '', method, question = [] }: ExplainValues,
  header: HeaderOf | undefined,
  canonical: CanonicalOptions | undefined,
): WrittenCall {
  if (question.length > 0) return parseCall(question.join(' '), header, canonical)
  const [, domain, path] = /^(kube:[^/\s]+|console)(\/.*)$/.exec(url) ?? []
  if (domain === undefined) return parseCall(`${method ?? 'GET'} ${url}`, header, canonical)
  return parseCall(`${method ?? 'get'} ${domain} ${path}`, header)
}

async function askService(id: string, values: ExplainValues, terminal: Terminal): Promise<ExplainAnswer> {
  const path = `/explain/${encodeURIComponent(id)}`
  const answer = await callAdmin(adminPlace(values, terminal), path, { timeoutMs: 10_000 })
  const body = (answer.body ?? {}) as ExplainAnswer & { readonly error?: string }
  if (answer.status !== 200) throw new Error(body.error ?? `${answer.href} answered with ${answer.status}`)
  return body
}
