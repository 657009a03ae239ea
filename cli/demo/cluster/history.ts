/** What happened so far, and a wait for what is still to happen: for an event, never for a time. */

export interface History<T> {
  readonly all: readonly T[]
  readonly add: (item: T) => void
  /**
   * The first item that fits, of those that are there already too.
   * @param what for the message of the error, after two minutes in vain
   */
  readonly until: (fits: (item: T) => boolean, what: string) => Promise<T>
  /** The same, for a condition on all of them. */
  readonly untilAll: (fits: (all: readonly T[]) => boolean, what: string) => Promise<void>
}

const patienceMs = 120_000

export function createHistory<T>(): History<T> {
  const all: T[] = []
  const waiting = new Set<() => void>()

  const untilAll = (fits: (all: readonly T[]) => boolean, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = () => {
        if (!fits(all)) return
        clearTimeout(timer)
        waiting.delete(check)
        resolve()
      }
      const timer = setTimeout(() => {
        waiting.delete(check)
        const last = all.slice(-5).map(item => JSON.stringify(item))
        reject(new Error(`${what} was waited for in vain; ${all.length} came, the last are ${last.join('\n')}`))
      }, patienceMs)
      waiting.add(check)
      check()
    })

  return {
    all,
    add: item => {
      all.push(item)
      for (const check of [...waiting]) check()
    },
    untilAll,
    until: async (fits, what) => {
      let found: { readonly item: T } | undefined
      let seen = 0
      const look = (items: readonly T[]): boolean => {
        const item = items.slice(seen).find(fits)
        seen = items.length
        if (item !== undefined) found = { item }
        return found !== undefined
      }
      await untilAll(look, what)
      if (found === undefined) throw new Error(`${what} is gone`)
      return found.item
    },
  }
}
