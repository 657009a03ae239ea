/**
 * The audit line of a decision, the one that is written for each check.
 *
 * It says what `createLineFormat` would say of the same event. What it says of a person and of a remembered decision is
 * the same for thousands of checks and is put into words once, as long as nobody can change it.
 */
import { type Access, type CredentialFacts, eventOf, factsOf, impersonatedOf, outcomeOf } from './access-event.ts'
import { createTimeFormat, escaperFor, fieldsText, type TimeFormat } from './format-line.ts'

export function createAccessFormat(timeOf: TimeFormat = createTimeFormat()): (access: Access, nowMs: number) => string {
  const factsText = rememberFrozen((identity: Access['authentication']['identity']) => fieldsText(factsOf(identity)))
  const outcomeText = rememberFrozen((decision: Access['decision']) => fieldsText(outcomeOf(decision)))
  const credentialText = rememberFrozen((facts: CredentialFacts) => fieldsText({ ...facts }))
  const beginningOf = createBeginnings(timeOf)
  return ({ question, authentication, decision, durationMicroseconds }, nowMs) => {
    const { requestId, clientAddress, front, request, kubernetes, asked } = question
    const { domain, resource, action } = request
    const { identity, sessionDigest, impersonation, credential } = authentication
    // One look at all of them together: hardly ever has anything to be escaped.
    const say = escaperFor(requestId + (clientAddress ?? '') + (sessionDigest ?? '') + domain + resource + action)
    const address = clientAddress === undefined ? '' : `,"clientAddress":"${say(clientAddress)}"`
    const session = sessionDigest === undefined ? '' : `,"session":"${say(sessionDigest)}"`
    const what = `,"front":"${front}","domain":"${say(domain)}","resource":"${say(resource)}","action":"${say(action)}"`
    const who =
      impersonation === undefined
        ? factsText(identity)
        : factsText(impersonation.by) + fieldsText(impersonatedOf(impersonation))
    const token = credential === undefined ? '' : credentialText(credential)
    const outcome = who + token + outcomeText(decision)
    const call = kubernetes === undefined ? '' : fieldsText({ kubernetes })
    const by = asked === undefined ? '' : fieldsText({ ...asked })
    const duration = `,"durationMicroseconds":${durationMicroseconds}}\n`
    return `${beginningOf(decision.effect, nowMs)}${say(requestId)}"${address}${session}${what}${outcome}${call}${by}${duration}`
  }
}

/** The line up to the request id, made once for each millisecond. */
function createBeginnings(timeOf: TimeFormat): (effect: Access['decision']['effect'], nowMs: number) => string {
  let last = Number.NaN
  let beginnings = { allow: '', challenge: '', deny: '' }
  const begin = (effect: Access['decision']['effect'], nowMs: number): string =>
    `{"v":1,"time":"${timeOf(nowMs)}","event":"${eventOf[effect]}","requestId":"`
  return (effect, nowMs) => {
    if (nowMs !== last) {
      beginnings = { allow: begin('allow', nowMs), challenge: begin('challenge', nowMs), deny: begin('deny', nowMs) }
      last = nowMs
    }
    return beginnings[effect]
  }
}

/** Threat: words that are no longer true. Only what is frozen, with the lists that are read of it, is put into words once. */
function rememberFrozen<T extends object>(wordsOf: (item: T) => string): (item: T) => string {
  const texts = new WeakMap<T, string>()
  return item => {
    const known = texts.get(item)
    if (known !== undefined) return known
    const text = wordsOf(item)
    if (isFixed(item)) texts.set(item, text)
    return text
  }
}

const isFixed = (item: object): boolean =>
  Object.isFrozen(item) && Object.values(item).every(value => !Array.isArray(value) || Object.isFrozen(value))
