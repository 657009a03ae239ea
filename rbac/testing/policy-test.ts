/**
 * Test files of a policy: YAML in, cases out (docs/policy.md, "Test files"). The golden cases of this project and the
 * tests that operators write are one format.
 *
 * A file is a list of cases, or a mapping `{policy: <directory>, cases: [...]}` that names the policy they are for.
 * Beside the keys of the specification a case may have `certificate: none` or
 * `certificate: {fingerprint, san-dns, san-email, san-uri}` and `answers: {<decider>: true}`, and `want` may ask for `login` and `shadow`.
 */

import { isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { checkAnswered } from '../asking/asked-deciders.ts'
import type { Call } from '../asking/calls/call.ts'
import { parseCall } from '../asking/calls/parse-call.ts'
import { parseMapping, parseText } from '../conditions/arguments.ts'
import type { ClientCertificate, Context } from '../context.ts'
import { challengeReasons, type Decision, denyReasons, type Effect, type LoginRequirement } from '../decision.ts'
import type { Identity, Machine, User } from '../identity.ts'
import { PolicyError, type Problem, ValueError } from '../policy-error.ts'
import type { AccessRequest, CanonicalOptions } from '../request/access-request.ts'
import { unknownName } from '../unknown-name.ts'
import { type IdentityDefaults, parseList, parseTestIdentity, parseTime } from './policy-test-identity.ts'

export interface PolicyTestCase {
  readonly name: string
  /** Counted from 1. */
  readonly line: number
  /** The first question of the call. */
  readonly request: AccessRequest
  readonly call: Call
  /** As it was written. */
  readonly asked: string
  readonly identity: Identity
  /** Those who act for the identity. */
  readonly actors: readonly (Machine | User)[]
  readonly context: Context
  readonly want: Want
}

/** What is absent is not asked for. */
export interface Want {
  readonly effect: Effect
  readonly reason?: string
  readonly rule?: string
  readonly deniedActor?: string
  readonly login?: LoginRequirement
  readonly shadow?: readonly string[]
}

export interface PolicyTestFile {
  /** Directory of the policy that the file names; absent when it names none. */
  readonly policy?: string
  readonly cases: readonly PolicyTestCase[]
}

export interface PolicyTestOptions extends IdentityDefaults {
  /** Clock of cases without `at`, seconds since the epoch. */
  readonly now: number
  /** Line at which the text starts in its file; default 1. */
  readonly firstLine?: number
  /** Whom conditions of the policy ask; absent where that is not known, and then anybody may have answered. */
  readonly deciders?: readonly string[]
  /** As fronts read addresses. Default: with nothing that hosts have to ask for. */
  readonly canonical?: CanonicalOptions
}

const caseKeys = ['name', 'identity', 'actors', 'request', 'from', 'headers', 'certificate', 'answers', 'at', 'want']

/** Throws `PolicyError` with every problem of the file. */
export function parsePolicyTests(file: { name: string; text: string }, options: PolicyTestOptions): PolicyTestFile {
  const lines = new LineCounter()
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false })
  const problems: Problem[] = []
  const lineOf = (offset: number): number => Math.max(lines.linePos(offset).line, 1) + (options.firstLine ?? 1) - 1
  const report = (offset: number, message: string): void => {
    const { col } = lines.linePos(offset)
    problems.push({ file: file.name, line: lineOf(offset), column: Math.max(col, 1), message })
  }
  for (const { pos, message } of [...document.errors, ...document.warnings]) report(pos[0], message)

  const root = document.contents
  const list = isMap(root) ? root.get('cases', true) : root
  if (problems.length === 0 && !isSeq(list)) report(0, 'expected a list of cases, or a mapping with policy and cases')
  const cases: PolicyTestCase[] = []
  for (const item of problems.length === 0 && isSeq(list) ? list.items : []) {
    const offset = (item as Node).range?.[0] ?? 0
    try {
      cases.push(parseCase((item as Node).toJS(document), lineOf(offset), options))
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      report(offset, error.message)
    }
  }
  if (problems.length > 0) throw new PolicyError(problems)
  const policy = isMap(root) ? root.get('policy') : undefined
  return typeof policy === 'string' ? { policy, cases } : { cases }
}

function parseCase(value: unknown, line: number, options: PolicyTestOptions): PolicyTestCase {
  const fields = parseMapping(value, caseKeys)
  const name = parseText(fields.name, 'a name')
  const named = <T>(key: string, parse: () => T): T => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      throw new ValueError(`${name}: ${key}: ${error.message}`)
    }
  }
  const context = named('facts', () => parseContext(fields, options))
  const asked = named('request', () => parseText(fields.request, 'GET https://host/path'))
  const call = named('request', () => parseCall(asked, context.header, options.canonical))
  return {
    name,
    line,
    identity: named('identity', () => parseTestIdentity(fields.identity, options)),
    actors: named('actors', () => parseActors(fields.actors ?? [], options)),
    request: call.request,
    call,
    asked,
    context,
    want: named('want', () => parseWant(fields.want)),
  }
}

function parseActors(value: unknown, defaults: IdentityDefaults): readonly (Machine | User)[] {
  if (!Array.isArray(value)) throw new ValueError('expected a list of those who act')
  return value.map(item => {
    const actor = parseTestIdentity(item, defaults)
    if (actor.kind === 'anonymous') throw new ValueError('nobody acts without a token')
    return actor
  })
}

function parseContext(
  { from, headers, certificate, answers, at }: Readonly<Record<string, unknown>>,
  { now, deciders }: Pick<PolicyTestOptions, 'deciders' | 'now'>,
): Context {
  const values = parseHeaders(headers)
  return {
    now: at === undefined ? now : parseTime(at),
    header: name => values.get(name),
    ...(from === undefined ? {} : { clientAddress: parseText(from, 'an address') }),
    ...(certificate === undefined ? {} : { clientCertificate: parseCertificate(certificate) }),
    ...(answers === undefined ? {} : { answerOf: parseAnswers(answers, deciders) }),
  }
}

/** A decider that is not named gives no answer. */
function parseAnswers(value: unknown, deciders: readonly string[] | undefined): NonNullable<Context['answerOf']> {
  const answers = new Map(Object.entries(parseMapping(value, Object.keys(value ?? {}))))
  for (const [name, answer] of answers) {
    if (typeof answer !== 'boolean') throw new ValueError(`answers: ${name}: expected true or false`)
  }
  if (deciders !== undefined) checkAnswered(answers.keys(), deciders)
  return decider => answers.get(decider) as boolean | undefined
}

function parseHeaders(value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map()
  const entries = Object.entries(parseMapping(value, Object.keys(value ?? {})))
  return new Map(entries.map(([name, text]) => [name.toLowerCase(), parseText(text, 'the value of a header as text')]))
}

/** `none`, or a mapping of what conditions ask for; what is not named, the certificate has not. Throws `ValueError`. */
export function parseCertificate(value: unknown): ClientCertificate | null {
  if (value === 'none') return null
  const fields = parseMapping(value, ['fingerprint', 'san-dns', 'san-email', 'san-uri'])
  return {
    fingerprint: parseText(fields.fingerprint ?? '0'.repeat(64), 'a fingerprint'),
    sanDns: parseList(fields['san-dns'] ?? []),
    sanEmail: parseList(fields['san-email'] ?? []),
    sanUri: parseList(fields['san-uri'] ?? []),
  }
}

function parseWant(value: unknown): Want {
  const fields =
    typeof value === 'string'
      ? { effect: value }
      : parseMapping(value, ['effect', 'reason', 'rule', 'deniedActor', 'login', 'shadow'])
  const { effect, ...rest } = fields
  if (effect !== 'allow' && effect !== 'challenge' && effect !== 'deny')
    throw new ValueError('expected allow, challenge or deny')
  checkReason(rest.reason)
  if (rest.rule !== undefined) parseText(rest.rule, 'rule: <file>:<line>')
  if (rest.shadow !== undefined) parseList(rest.shadow)
  return { effect, ...rest }
}

function checkReason(reason: unknown): void {
  const known = [...Object.keys(challengeReasons), ...Object.keys(denyReasons)]
  if (reason === undefined || known.includes(String(reason))) return
  throw new ValueError(unknownName('reason', String(reason), known))
}

/** One sentence for each thing that is not as wanted; empty when the case passes. */
export function differences(want: Want, decision: Decision): string[] {
  return Object.entries(want).flatMap(([key, wanted]) => {
    const none = key === 'shadow' ? [] : null
    const actual = JSON.stringify(Reflect.get(decision, key) ?? none)
    return actual === JSON.stringify(wanted) ? [] : [`${key}: wanted ${JSON.stringify(wanted)}, got ${actual}`]
  })
}
