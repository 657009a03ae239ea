/** Room for so many at once; whoever finds none waits in turn, not for long, and not behind too many. */

export interface Room {
  /** Gives what has to be called once when leaving; `undefined`: there is no room. */
  enter(): Promise<(() => void) | undefined>
}

export interface RoomOptions {
  readonly mostAtOnce: number
  readonly mostWaiting: number
  /** How long anybody waits, in milliseconds. */
  readonly waitMs: number
}

export function createRoom({ mostAtOnce, mostWaiting, waitMs }: RoomOptions): Room {
  let count = 0
  /** In the order in which they came. */
  const waiting = new Set<() => void>()

  function leave(): void {
    count -= 1
    const [next] = waiting
    next?.()
  }

  const wait = (): Promise<boolean> =>
    new Promise(resolve => {
      const end = (isIn: boolean): void => {
        clearTimeout(timer)
        waiting.delete(enter)
        resolve(isIn)
      }
      const enter = (): void => {
        count += 1
        end(true)
      }
      const timer = setTimeout(() => end(false), waitMs)
      waiting.add(enter)
    })

  return {
    async enter() {
      if (count < mostAtOnce) {
        count += 1
        return leave
      }
      if (waiting.size >= mostWaiting) return undefined
      return (await wait()) ? leave : undefined
    },
  }
}
