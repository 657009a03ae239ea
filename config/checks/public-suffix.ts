/** The Public Suffix List, read when a name is first held against it. */
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'

type SuffixList = typeof import('tldts')

let list: SuffixList | undefined

function listed(host: string): ReturnType<SuffixList['parse']> {
  list ??= loadList()
  return list.parse(host, { allowPrivateDomains: true })
}

/**
 * The library sets its list up in one loop of many thousand turns, once, in a millisecond. V8 would make machine code of it while
 * it runs ("on-stack replacement"), and its great compiler, for which a small service has no other use before people come,
 * alone is 5 MiB of the memory of one that nobody asks. Where V8 does not know the word, nothing changes.
 */
function loadList(): SuffixList {
  setFlagsFromString('--no-use-osr')
  try {
    return createRequire(import.meta.url)('tldts') as SuffixList
  } finally {
    setFlagsFromString('--use-osr')
  }
}

/** Listed, the private part (github.io) included; unlisted names such as `internal` are not. */
export function isPublicSuffix(host: string): boolean {
  const found = listed(host)
  return found.publicSuffix === host && (found.isIcann === true || found.isPrivate === true)
}

/** Whether it lies below a public suffix, and so has one owner. Unlisted names such as `internal` or `localhost` count as suffixes. */
export const isOwned = (host: string): boolean => listed(host).domain !== null

/** Whether unrelated people register below it; unlisted names count. */
export const isSuffix = (host: string): boolean => listed(host).publicSuffix === host
