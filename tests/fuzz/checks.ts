/** What was judged, as the audit log has it, in the order in which it was. */
import { closeSync, openSync, readSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { markPattern } from './fuzz-case.ts'

export interface Allowed {
  readonly domain: string
  readonly resource: string
  readonly action: string
  /** Who asked, by the name at the provider. Absent: nobody. */
  readonly user?: string
}

export interface Checks {
  /** Allowed and not yet taken, by the mark in the path; the empty one stands for none. */
  readonly allowed: Map<string, Allowed[]>
  readonly counts: { allowed: number; challenged: number; denied: number }
  /** Reads on until this path was judged. Rejects after a minute. */
  readonly readUntil: (resource: string) => Promise<void>
  readonly close: () => void
}

export function followChecks(file: string): Checks {
  const descriptor = openSync(file, 'r')
  const buffer = Buffer.alloc(1 << 20)
  const allowed: Checks['allowed'] = new Map()
  const counts = { allowed: 0, challenged: 0, denied: 0 }
  let rest = ''
  let last = ''
  const take = (line: string): void => {
    const { event, domain, resource, action, subject } = JSON.parse(line) as Allowed & {
      event: string
      subject?: string
    }
    if (resource !== undefined) last = resource
    if (event === 'access.challenged') counts.challenged += 1
    if (event === 'access.denied') counts.denied += 1
    if (event !== 'access.allowed') return
    counts.allowed += 1
    const mark = markPattern.exec(resource)?.[0] ?? ''
    const same = allowed.get(mark)
    const one = {
      domain,
      resource,
      action,
      ...(subject !== undefined && { user: subject.slice(subject.indexOf('#') + 1) }),
    }
    if (same === undefined) allowed.set(mark, [one])
    else same.push(one)
  }
  /** Whether the wanted one was among what is read. */
  const read = (wanted: string): boolean => {
    let isFound = false
    for (let length = readSync(descriptor, buffer); length > 0; length = readSync(descriptor, buffer)) {
      const lines = (rest + buffer.toString('latin1', 0, length)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        take(line)
        isFound ||= last === wanted
      }
    }
    return isFound
  }
  return {
    allowed,
    counts,
    async readUntil(resource) {
      const deadline = Date.now() + 60_000
      while (!read(resource)) {
        if (Date.now() > deadline) throw new Error(`the audit log has nothing of ${resource}`)
        await delay(5)
      }
    },
    close: () => closeSync(descriptor),
  }
}
