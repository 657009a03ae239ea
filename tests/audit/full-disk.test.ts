/** A disk that is full: what the operator chose is what happens to the checks. `/dev/full` answers every write with ENOSPC. */
import { existsSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { startService, type TestService } from '../service.ts'

const policy = 'p, anyone, wiki.localhost, /**, *, -, allow\n'
const hasFullDevice = existsSync('/dev/full')
if (!hasFullDevice) process.stderr.write('skipped: there is no /dev/full on this system\n')

let service: TestService | undefined
afterEach(() => service?.close())

/** Asks until the 16 MiB that may wait are full; each line holds its path. */
async function fillUp(asked: TestService): Promise<void> {
  const url = `http://wiki.localhost/${'a'.repeat(8_000)}`
  for (let batch = 0; batch < 45; batch += 1) {
    await Promise.all(Array.from({ length: 50 }, () => asked.ask('forward-auth', { url })))
  }
}

describe.skipIf(!hasFullDevice)('when no audit event can be written or kept', () => {
  it.each([
    ['refuse', 503],
    ['warn', 200],
  ])('%s answers checks with %i', async (whenFull, status) => {
    service = await startService({ policy, settings: { audit: { destination: '/dev/full', whenFull } } })
    const before = await service.ask('forward-auth', { url: 'http://wiki.localhost/' })
    expect(before.status).toBe(200)
    await fillUp(service)
    const answer = await service.ask('forward-auth', { url: 'http://wiki.localhost/' })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('remote-user')).toEqual(status === 200 ? [''] : undefined)
    const metrics = await (await fetch(`http://127.0.0.1:${service.adminPort}/metrics`)).text()
    const lost = Number(/^sallyport_audit_lines_lost_total (\d+)/m.exec(metrics)?.[1])
    // `warn` counts what is lost; `refuse` keeps room for the events that say that it refused.
    if (whenFull === 'warn') expect(lost).toBeGreaterThan(0)
    else expect(lost).toBe(0)
    expect(service.logText()).toContain('audit events could not be written')
    const readiness = await (await fetch(`http://127.0.0.1:${service.adminPort}/readyz`)).text()
    expect(readiness).toContain('audit lines wait to be written')
  })
})
