/** A policy that locks everybody out of the console is refused at a reload, unless it is forced. */
import { describe, expect, it } from 'vitest'
import { createPolicyReloader } from '../../app/policy/reload.ts'
import { createPolicyTrial } from '../../app/policy/trial.ts'
import { admitsToConsole } from '../../rbac/asking/lock-out.ts'
import { compilePolicy } from '../../rbac/policy.ts'
import { model, policyOf } from '../decisions/policies.ts'
import { processorMsOf } from '../pace.ts'

const admins = 'p, group:admins, console, /**, *, -, allow\n'
const wiki = 'p, anyone, wiki.example.com, /**, read, -, allow\n'

describe('a console is open', () => {
  it.each([
    ['to a group', admins],
    [
      'to the members of a role',
      'p, role:admin, console, /sessions/**, read, -, allow\ng, group:ops, role:admin, console\n',
    ],
    ['under a condition that may come true', 'p, group:admins, console, re:/s.*, *, -, allow\n'],
    ['although some are denied', `${admins}p, group:contractors, console, /**, *, -, deny\n`],
  ])('%s', async (_, csv) => expect(admitsToConsole(await policyOf(csv))).toBe(true))

  it.each([
    ['with no row for it', wiki],
    ['to a role that nobody has', 'p, role:admin, console, /**, *, -, allow\n'],
    ['where a deny covers everybody', `${admins}p, anyone, console, /**, *, -, deny\n`],
    ['by a shadow row', 'p, group:admins, console, /**, *, -, shadow-allow\n'],
  ])('to nobody %s', async (_, csv) => expect(admitsToConsole(await policyOf(csv))).toBe(false))
})

describe('a console of many rows', () => {
  const rowsOf = (count: number, row: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => row(at)).join('')
  const allows = rowsOf(20_000, at => `p, group:team-${at}, console, /area-${at}/**, *, -, allow\n`)

  it.each([
    ['open to many', allows, true],
    [
      'to roles that nobody has',
      rowsOf(20_000, at => `p, role:team-${at}, console, /a-${at}/**, *, -, allow\n`),
      false,
    ],
    ['closed to everybody', `${allows}p, anyone, console, /**, *, -, deny\n`, false],
    [
      'where each row has a deny of its own',
      allows + rowsOf(20_000, at => `p, group:team-${at}, console, /area-${at}/**, *, -, deny\n`),
      false,
    ],
    [
      'with more to compare than there is time for',
      `${allows}${rowsOf(20_000, at => `p, anyone, console, /else-${at}/**, *, -, deny\n`)}`,
      true,
    ],
  ])('is judged in a moment: %s', async (_, csv, isOpen) => {
    const policy = await policyOf(csv)
    const judge = () => expect(admitsToConsole(policy)).toBe(isOpen)
    // Generous: what it guards against took forty seconds.
    expect(await processorMsOf(judge)).toBeLessThan(4_000)
  })
})

describe('a reload', () => {
  async function start(first: string) {
    let csv = first
    const clock = { now: Date.now }
    const reloader = createPolicyReloader({
      source: { load: async () => ({ model, files: [{ name: 'rows.csv', text: csv }] }), watch: () => () => {} },
      compile: compilePolicy,
      trial: createPolicyTrial({ clock }),
      clock,
      watch: false,
    })
    await reloader.start()
    return {
      reloader,
      write: (text: string) => {
        csv = text
      },
    }
  }

  it('that would lock everybody out is refused, and says what to do', async () => {
    const { reloader, write } = await start(admins)
    write(wiki)
    expect(await reloader.reload()).toBe('rejected')
    expect(reloader.status().lastError).toContain('nobody could open the console any more')
    expect(reloader.current().domains).toEqual(['console'])
  })

  it('that is forced is loaded, and forces only itself', async () => {
    const { reloader, write } = await start(admins)
    write(wiki)
    expect(await reloader.reload({ force: true })).toBe('loaded')
    write(admins)
    expect(await reloader.reload()).toBe('loaded')
    write(wiki)
    expect(await reloader.reload()).toBe('rejected')
  })

  it('of a policy that never had a console is none of this', async () => {
    const { reloader, write } = await start(wiki)
    write(wiki.replace('read', '*'))
    expect(await reloader.reload()).toBe('loaded')
  })
})
