/**
 * One object for all who are told to be the same.
 *
 * What is remembered of somebody, decisions and signed assertions, hangs on the identity object. A machine that comes with another
 * token each time stays who it is, and what was found out about it counts on.
 */
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
    if (first !== undefined) return first
    known.set(text, identity)
    return identity
  }
}
