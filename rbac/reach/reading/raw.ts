/** What a text has before anybody knows what it is: one object after the other, each with its place. */
import type { Place, ReadingProblem } from '../objects.ts'

export interface RawObject {
  readonly value: unknown
  readonly place: Place
  /** `rules[2].verbs`: keys that stand twice in one mapping, of which the last counts, as for kubectl. */
  readonly duplicateKeys?: readonly string[]
}

export type Raw = RawObject | { readonly problem: ReadingProblem }

/** Characters of one YAML document, or of one item of a list: its tree takes fifty times as much. */
export const longestYaml = 8 * 1024 * 1024
/** Characters of one JSON object. */
export const longestJson = 64 * 1024 * 1024

/** Counts lines as far as it is asked, so that a long text is walked once. */
export function createLineCounter(text: string): (offset: number) => number {
  let [at, line] = [0, 1]
  return offset => {
    for (let next = text.indexOf('\n', at); next !== -1 && next < offset; next = text.indexOf('\n', at)) {
      at = next + 1
      line += 1
    }
    return line
  }
}

/** Items of a list that an API server writes (`RoleList`) have no kind of their own. */
export function itemOf(value: unknown, listKind: string | undefined, apiVersion: unknown): unknown {
  const kind = listKind?.endsWith('List') ? listKind.slice(0, -'List'.length) : ''
  const isItem = typeof value === 'object' && value !== null && !Array.isArray(value) && !('kind' in value)
  return isItem && kind !== '' ? { apiVersion, kind, ...value } : value
}
