/**
 * One object for all who are told to be the same.
 *
 * What is remembered of somebody, decisions and signed assertions, hangs on the identity object. A machine that comes with another
 * token each time stays who it is, and what was found out about it counts on.
 */
import { isDeepStrictEqual } from 'node:util'
import { LRUCache } from 'lru-cache'
import type { Machine, User } from '../../../rbac/identity.ts'

export type Bearer = Machine | User

/** Characters of what is known; of the least recently seen nothing is kept then, and somebody is a new object again. */
const mostCharacters = 1024 * 1024

/**
 * Gives the first object of those that say the same, to the last character. Both have to be made of JSON, as claims are, and be
 * frozen: nothing but their text may tell them apart, and nobody may change what others are given as well.
 */
export function createOneObject(): (identity: Bearer) => Bearer {
  const known = new LRUCache<string, Bearer>({
    maxSize: mostCharacters,
    sizeCalculation: (_identity, text) => text.length,
  })
  return identity => {
    const text = JSON.stringify(identity)
    const first = known.get(text)
    if (first !== undefined && isSame(first, identity, text)) return first
    known.set(text, identity)
    return identity
  }
}

/**
 * Threat: `1e999` is a number to `JSON.parse`, and is written as `null`: somebody gets what was decided of another one, whose
 * claim says something else, and a row that denies for want of the claim does not apply.
 */
const isSame = (first: Bearer, identity: Bearer, text: string): boolean =>
  !text.includes('null') || isDeepStrictEqual(first, identity)
