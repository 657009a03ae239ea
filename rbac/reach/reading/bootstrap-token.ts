/** When a bootstrap token ends (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens): the one key that is read. */
import { parseInstant } from '../../conditions/times.ts'
import { type Entry, entryOf, isEntry, textOf } from './fields.ts'

/** Of other Secrets nothing; of one whose keys were not read neither, since then nobody knows. */
export function expirationOf({ type, data, stringData }: Entry): { readonly expiration?: string } {
  if (type !== 'bootstrap.kubernetes.io/token' || !(isEntry(data) || isEntry(stringData))) return {}
  const plain = textOf(entryOf(stringData).expiration)
  const encoded = textOf(entryOf(data).expiration)
  const text = plain ?? (encoded === undefined ? undefined : decoded(encoded))
  if (text === undefined) return { expiration: 'never' }
  // What is no moment says nothing.
  return parseInstant(text) === undefined ? {} : { expiration: text }
}

function decoded(text: string): string {
  try {
    return atob(text)
  } catch {
    return text
  }
}
