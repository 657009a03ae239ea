/** What stands beside the items of a list. Threat: the rules of its last item, of which the indent was lost. */
import type { Place, ReadingProblem } from '../objects.ts'
import { isEntry } from './fields.ts'

const ofList = ['apiVersion', 'kind', 'metadata', 'items']

/** Keys that a list does not have. */
export const strayKeys = (value: unknown): readonly string[] =>
  isEntry(value) ? Object.keys(value).filter(key => !ofList.includes(key)) : []

export const strayKey = (key: string, place: Place): ReadingProblem => ({
  ...{ code: 'lost-rule', place, object: 'List' },
  message: `${key} is no field of a list: what it holds is lost, or belongs to the item before it`,
})
