/**
 * The audit line of a decision, the one that is written for each check.
 *
 * It says what `createLineFormat` would say of the same event. What it says of a person and of a remembered decision is
 * the same for thousands of checks and is put into words once, as long as nobody can change it.
 */
import { type Access, eventOf, factsOf, outcomeOf } from '../access-event.ts'
import { createTimeFormat, fieldsText, quote, type TimeFormat } from './format-line.ts'

export function createAccessFormat(timeOf: TimeFormat = createTimeFormat()): (access: Access, nowMs: number) => string {
  const factsText = rememberFrozen((identity: Access['authentication']['identity']) => fieldsText(factsOf(identity)))
  const outcomeText = rememberFrozen((decision: Access['decision']) => fieldsText(outcomeOf(decision)))
  return ({ question, authentication, decision, durationMicroseconds }, nowMs) => {
    const { requestId, clientAddress, front, request } = question
    const { identity, sessionDigest } = authentication
    let line = `{"v":1,"time":"${timeOf(nowMs)}","event":"${eventOf[decision.effect]}","requestId":${quote(requestId)}`
    if (clientAddress !== undefined) line += `,"clientAddress":${quote(clientAddress)}`
    if (sessionDigest !== undefined) line += `,"session":${quote(sessionDigest)}`
    line += `,"front":"${front}","domain":${quote(request.domain)},"resource":${quote(request.resource)}`
    line += `,"action":${quote(request.action)}${factsText(identity)}${outcomeText(decision)}`
    return `${line},"durationMicroseconds":${durationMicroseconds}}\n`
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
