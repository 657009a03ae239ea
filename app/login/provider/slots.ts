/** Runs at most so many pieces of work at a time; the others wait in the order in which they came. */

export interface Slots {
  run<T>(work: () => Promise<T>): Promise<T>
}

export function createSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  return {
    async run(work) {
      if (free > 0) free -= 1
      else await new Promise<void>(resolve => waiting.push(resolve))
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        // The slot goes on to whoever waits, or is free again.
        if (next === undefined) free += 1
        else next()
      }
    },
  }
}
