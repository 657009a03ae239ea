/**
 * The machine's own pace, for tests whose point is a bound on time: a loaded machine stretches whatever is measured on
 * it, so the bound is stretched by what the same machine did to this process meanwhile.
 */

/** Processor time that `work` took in this process, in milliseconds: waiting for a processor does not count. */
export async function processorMsOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

export interface Lateness {
  /** How late this process was for an appointment with itself at most, in milliseconds. */
  readonly mostMs: number
  /** The same in nine of ten. */
  readonly oftenMs: number
}

const appointmentMs = 5

/** Runs `work`, and sees meanwhile how late this process is for its appointments. */
export async function withLateness<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly late: Lateness }> {
  const delays: number[] = []
  let due = performance.now() + appointmentMs
  const note = () => {
    const now = performance.now()
    delays.push(Math.max(0, now - due))
    due = now + appointmentMs
    timer = setTimeout(note, appointmentMs)
  }
  let timer = setTimeout(note, appointmentMs)
  const result = await work().finally(() => {
    clearTimeout(timer)
    delays.push(Math.max(0, performance.now() - due))
  })
  const sorted = delays.sort((a, b) => a - b)
  const mostMs = sorted.at(-1) ?? 0
  return { result, late: { mostMs, oftenMs: sorted[Math.floor(sorted.length * 0.9)] ?? mostMs } }
}

/**
 * What a bound becomes when each of `processes` that take part in turn (the one that tells, the store, the one that is
 * told) is as late as this one was at most.
 */
export const stretched = (boundMs: number, lateMs: number, processes = 4): number => boundMs + processes * lateMs
