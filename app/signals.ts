/**
 * Signals that ask a running service for something. Heard from the start: until a process listens for them they end it,
 * and a service that is told to reload while it still starts must not go down for that.
 */
const names = ['SIGHUP', 'SIGUSR2'] as const

export interface HeldSignals {
  /** Acts on what has come so far, each kind once, and from now on on whatever comes. */
  readonly release: (actions: Readonly<Record<(typeof names)[number], () => void>>) => void
}

export function holdSignals(): HeldSignals {
  const held = new Set<(typeof names)[number]>()
  let act = (name: (typeof names)[number]): void => void held.add(name)
  for (const name of names) process.on(name, () => act(name))
  return {
    release(actions) {
      act = name => actions[name]()
      for (const name of held) act(name)
    },
  }
}
