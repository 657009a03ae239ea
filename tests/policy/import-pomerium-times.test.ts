/** Windows of time of Pomerium: at their ends never wider, and where they deny never narrower. */
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous } from '../../rbac/identity.ts'
import { policyOf } from '../decisions/policies.ts'

const request = { domain: 'app.example.com', resource: '/', action: 'GET', url: '' }

async function convertBlocks(blocks: object) {
  const text = stringify({ routes: [{ from: 'https://app.example.com', policy: [blocks] }] })
  return convert({ format: 'pomerium' }, { name: 'config.yaml', text })
}

async function allowedAt(blocks: object, times: readonly string[]): Promise<readonly string[]> {
  const { policy } = await convertBlocks(blocks)
  const snapshot = await policyOf(policy.csv, policy.conditions)
  const isAllowed = (time: string): boolean =>
    decide({ request, identity: anonymous, context: { now: Date.parse(time) / 1_000 } }, snapshot).effect === 'allow'
  return times.filter(isAllowed)
}

const date = { date: { after: '2026-01-02T16:20:00+01:00', before: '2026-03-01T00:00:00Z' } }
const dates = ['2026-01-02T15:20:00Z', '2026-01-02T15:20:01Z', '2026-02-28T23:59:59Z', '2026-03-01T00:00:00Z']
const hours = { time_of_day: { timezone: 'Europe/Berlin', after: '9:00:30', before: '4:30PM' } }
const times = ['08:00', '08:01', '15:29', '15:30'].map(time => `2026-01-05T${time}:00Z`)
const everybody = { accept: true }

it.each([
  ['dates', { allow: { and: [date] } }, dates, dates.slice(1, 3)],
  ['times of a day', { allow: { and: [hours] } }, times, times.slice(1, 3)],
  ['the opposite of dates', { allow: { not: [date] } }, dates, dates.slice(3)],
  ['denied dates', { allow: { or: [everybody] }, deny: { or: [date] } }, dates, dates.slice(3)],
  ['denied times', { allow: { or: [everybody] }, deny: { or: [hours] } }, times, times.slice(3)],
  ['every day of the week', { allow: { and: [{ day_of_week: '*' }] } }, times, times],
])('%s', async (_, blocks, asked, allowed) => expect(await allowedAt(blocks, asked)).toEqual(allowed))

it.each([
  ['a date without an offset', { date: { after: '2026-01-02T16:20:00' } }],
  ['a date with a fraction', { date: { before: '2026-01-02T16:20:00.5Z' } }],
  ['dates that leave nothing', { date: { after: '2026-01-02T16:20:00Z', before: '2026-01-02T16:20:01Z' } }],
  ['a time without its zone', { time_of_day: { after: '9:00' } }],
  ['a zone that is an abbreviation', { time_of_day: { timezone: 'EST', after: '9:00' } }],
  ['times past midnight', { time_of_day: { timezone: 'UTC', after: '22:00', before: '6:00' } }],
  ['no time', { time_of_day: { timezone: 'UTC', after: '25:00' } }],
  ['days of the week in a zone that nobody knows', { day_of_week: 'mon-fri' }],
])('%s is left out, and listed', async (_, criterion) => {
  const { rows, findings } = await convertBlocks({ allow: { and: [criterion] } })
  expect(rows).toEqual([])
  const [name] = Object.keys(criterion)
  expect(findings).toContainEqual(expect.objectContaining({ kind: 'left-out', what: name }))
})
