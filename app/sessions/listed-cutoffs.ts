/** Ends all sessions, or all of a provider, one after the other: as many writes as there are sessions. */
import type { SessionDirectory } from './session-directory.ts'

type CutScope = { readonly all: true } | { readonly provider: string }

const pageLength = 200

/** A login that is under way while this runs may be missed when it ends up behind the page that is being read. */
export function createListedCutoffs({ list, end }: Pick<SessionDirectory, 'list' | 'end'>) {
  async function endOfProvider(provider: string): Promise<void> {
    let after: string | undefined
    do {
      const page = await list({ all: true }, { limit: pageLength, ...(after === undefined ? {} : { after }) })
      const own = page.sessions.filter(session => session.provider === provider)
      await Promise.all(own.map(({ handle }) => end({ session: handle }, () => {})))
      after = page.next
    } while (after !== undefined)
  }
  return {
    /** Resolves when every session of the scope that could be used when it was called has ended. */
    async cut(scope: CutScope): Promise<void> {
      if ('provider' in scope) await endOfProvider(scope.provider)
      else await end({ all: true }, () => {})
    },
  }
}
