/**
 * What an application says of the circumstances, where a row lets it say anything (`assert`): when, from where, and the properties
 * that conditions of the policy ask for. What it may not say is not known, and what is not known opens no door.
 */
import { isIP } from 'node:net'
import type { SaidFacts } from '../verify.ts'
import { malformed } from './fault.ts'
import type { Action, Entity, Fields } from './message.ts'
import { own } from './message.ts'

/** The parts of a question that say something. */
export interface Statements {
  readonly subject?: Omit<Entity, 'id'> | undefined
  readonly resource?: Omit<Entity, 'id'> | undefined
  readonly action?: Action | undefined
  readonly context: Fields
}

export interface Circumstances {
  readonly clientAddress: string | undefined
  readonly said: SaidFacts
  /** Properties of the subject that are believed. */
  readonly ofSubject: Fields
}

const nothingSaid: Circumstances = {
  clientAddress: undefined,
  said: { property: () => undefined },
  ofSubject: {},
}

/** Throws `QuestionFault` for a time that cannot be read: another moment would be judged. */
export function circumstancesOf(
  { subject, resource, action, context }: Statements,
  isBelieved: boolean,
): Circumstances {
  if (!isBelieved) return nothingSaid
  const ofSubject = subject?.properties ?? {}
  const said = { resource: resource?.properties ?? {}, action: action?.properties ?? {}, context }
  return {
    clientAddress: [own(ofSubject, 'ip_address'), own(context, 'ip_address'), own(context, 'ip')].find(isAddress),
    said: { at: momentOf(own(context, 'time')), property: (of, name) => own(said[of], name) },
    ofSubject,
  }
}

const isAddress = (value: unknown): value is string => typeof value === 'string' && isIP(value) !== 0

/** RFC 3339, also without seconds, as the examples of the specification have it. */
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/

function momentOf(time: unknown): number | undefined {
  if (time === undefined) return undefined
  const at = typeof time === 'string' && moment.test(time) ? Date.parse(time) : Number.NaN
  return Number.isFinite(at)
    ? Math.floor(at / 1000)
    : malformed('context.time: expected a time such as 2026-06-27T18:03:00Z')
}
