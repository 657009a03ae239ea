/** Remembers the last keys that it saw, between one and two times `capacity` of them, in two generations. */
export interface RecentKeys {
  /** Whether it is new; and remembers it. */
  readonly add: (key: string) => boolean
  /** Whether it was seen; remembers nothing. */
  readonly has: (key: string) => boolean
}

export function createRecentKeys(capacity: number): RecentKeys {
  let younger = new Set<string>()
  let older = new Set<string>()
  const has = (key: string): boolean => younger.has(key) || older.has(key)
  return {
    has,
    add: key => {
      if (has(key)) return false
      if (younger.size >= capacity) {
        older = younger
        younger = new Set()
      }
      younger.add(key)
      return true
    },
  }
}
