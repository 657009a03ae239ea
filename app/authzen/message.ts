/**
 * What a question says (AuthZEN Authorization API 1.0, "Information Model"), each part checked for its form alone.
 *
 * What is not known is passed over, as the specification has it; what is known and has another type is refused.
 */
import { malformed } from './fault.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A subject or a resource; a search leaves out the id of one of them. */
export interface Entity {
  readonly type: string
  readonly id: string
  readonly properties: Fields
}

export interface Action {
  readonly name: string
  readonly properties: Fields
}

/** The parts of one question, none of which has been looked at. */
export interface RawQuestion {
  readonly subject?: unknown
  readonly resource?: unknown
  readonly action?: unknown
  readonly context?: unknown
}

const longestText = 512
/** An address is as long as one may be at a front. */
const longestAddress = 8_500

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Throws `QuestionFault`, as all here. `what` is how it is called. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (value === undefined) malformed(`${what} is missing`)
  return isFields(value) ? value : malformed(`${what} has to be an object`)
}

function textOf(fields: Fields, name: string, what: string, longest = longestText): string {
  const value = own(fields, name)
  if (value === undefined) malformed(`${what}.${name} is missing`)
  if (typeof value !== 'string' || value === '') malformed(`${what}.${name} has to be a text`)
  return value.length > longest ? malformed(`${what}.${name} is too long`) : value
}

function propertiesOf(fields: Fields, what: string): Fields {
  const value = own(fields, 'properties')
  return value === undefined ? {} : fieldsOf(value, `${what}.properties`)
}

/** Own properties only: every object has a `constructor`, and nobody sent it. */
export const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined)

export function entityOf(value: unknown, what: 'subject' | 'resource'): Entity {
  const fields = fieldsOf(value, what)
  const type = textOf(fields, 'type', what)
  return {
    type,
    id: textOf(fields, 'id', what, what === 'resource' ? longestAddress : longestText),
    properties: propertiesOf(fields, what),
  }
}

/** Of a search for it: its id is passed over. */
export function kindOf(value: unknown, what: 'subject' | 'resource'): Omit<Entity, 'id'> {
  const fields = fieldsOf(value, what)
  return { type: textOf(fields, 'type', what), properties: propertiesOf(fields, what) }
}

export function actionOf(value: unknown): Action {
  const fields = fieldsOf(value, 'action')
  return { name: textOf(fields, 'name', 'action'), properties: propertiesOf(fields, 'action') }
}

export const contextOf = (value: unknown): Fields => (value === undefined ? {} : fieldsOf(value, 'context'))
