/**
 * Nobody says for themselves who they are.
 *
 * Threat: an application believes `Remote-User` from its proxy; a client that sends it, in some spelling that the proxy
 * does not overwrite and the application folds into the same name, is whoever it likes.
 */
import { randomBytes } from 'node:crypto'
import { droppedHeaders } from '../../client-headers/dropped-headers.ts'
import { ask, head, isKept, isOpen, isPast, notKept, type Outcome, type Probe, type Target } from './probe.ts'

const usualNames = ['Remote-User', 'Remote-Email', 'Remote-Name', 'Remote-Groups', 'X-Sallyport-Assertion']

const folded = (name: string): readonly string[] => [
  name,
  name.toLowerCase(),
  name.replaceAll('-', '_'),
  name.replace('-', '_'),
  name.replaceAll('-', '.'),
]

export const identityHeaders: Probe = {
  name: 'identity-headers',
  title: 'nobody says for themselves who they are',
  docs: 'docs/doctor.md#identity-headers',
  run: async target => {
    const own = target.known?.identityHeaders ?? usualNames
    const names = [...own, ...droppedHeaders.flatMap(one => one.names)].flatMap(folded)
    if (isOpen(target)) return whatArrives(target, names)
    return isKept(target) ? whetherItOpens(target, names) : notKept(target)
  },
}

/** So few at a time that they are no flood, which would be refused for being one. */
const batch = 20

async function whetherItOpens(target: Target, names: readonly string[]): Promise<Outcome> {
  for (let start = 0; start < names.length; start += batch) {
    const some = names.slice(start, start + batch)
    const answer = await ask(
      target,
      head(target),
      some.map(name => `${name}: doctor`),
    )
    if (isPast(answer, target)) return failed(`with ${some.join(', ')} the page opens`)
  }
  return { status: 'pass', why: `${names.length} spellings of identity headers open nothing` }
}

/** Only an application that shows what it was sent can tell. */
async function whatArrives(target: Target, names: readonly string[]): Promise<Outcome> {
  const [marker, forged] = [mark(), mark()]
  const plain = await ask(target, head(target), [`X-Doctor: ${marker}`])
  if (!plain.body.includes(marker))
    return {
      status: 'not-applicable',
      why: 'this page does not show which headers it was sent; name one that does, such as an echo service behind the proxy',
    }
  for (let start = 0; start < names.length; start += batch) {
    const some = names.slice(start, start + batch).map((name, at) => ({ name, value: `${forged}x${start + at}x` }))
    const { body } = await ask(
      target,
      head(target),
      some.map(({ name, value }) => `${name}: ${value}`),
    )
    const arrived = some.find(({ value }) => body.includes(value))
    if (arrived !== undefined) return failed(`\`${arrived.name}\` arrives at the application as the client has sent it`)
  }
  return { status: 'pass', why: `${names.length} spellings of identity headers; none arrives` }
}

const mark = (): string => `doctor${randomBytes(8).toString('hex')}`

const failed = (why: string): Outcome => ({
  status: 'fail',
  why,
  fix: 'let the proxy drop these names from every request, protected or not (docs/proxies/dropped-headers.md), in the spelling with underscores too; `sallyport proxy-config` prints it',
})
