/** Golden cases: every kind of mistake is refused with exactly this text, and every insecure setting needs its flag. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type InsecureSetting, insecureFlag, insecureNames } from '../../config/checks/insecure.ts'
import { formatProblems } from '../../config/problems.ts'
import { loadText, problemsOf } from './load-text.ts'

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const casesIn = (folder: string): string[] =>
  readdirSync(new URL(folder, import.meta.url))
    .filter(name => name.endsWith('.config'))
    .map(name => name.slice(0, -'.config'.length))

describe('a mistake is reported with file, line, column, path and what was expected', () => {
  it.each(casesIn('bad/'))('%s', async name => {
    const found = formatProblems(problemsOf(read(`bad/${name}.config`)))
    await expect(`${found}\n`).toMatchFileSnapshot(`bad/${name}.expected.txt`)
    expect(found).not.toContain('hunter2')
  })
})

describe('an insecure setting is refused, and its own flag alone allows it', () => {
  it.each(casesIn('insecure/'))('%s', async name => {
    const text = read(`insecure/${name}.config`)
    const own = insecureNames.find(flag => name === flag || name.startsWith(`${flag}.`))
    if (own === undefined) throw new Error(`no flag is called like ${name}`)
    const found = formatProblems(problemsOf(text))
    await expect(`${found}\n`).toMatchFileSnapshot(`insecure/${name}.expected.txt`)
    expect(found).toContain(insecureFlag(own))

    const others = insecureNames.filter(flag => flag !== own)
    expect(formatProblems(problemsOf(text, { allow: others }))).toBe(found)
    expect(loadText(text, { allow: [own] }).warnings).not.toEqual([])
  })

  it('A14 trusting every peer is one of them, in each way of writing it', () => {
    const ways = casesIn('insecure/').filter(name => name.startsWith('trust-all-proxies'))
    expect(ways).toHaveLength(4)
    for (const name of ways) {
      const [found, ...others] = problemsOf(read(`insecure/${name}.config`)).map(({ path }) => path.split('[')[0])
      expect([name, found, others.filter(other => other !== found)]).toEqual([name, 'server.trustedProxies', []])
    }
  })

  it('every flag has a case', () => {
    const covered = new Set(casesIn('insecure/').map(name => name.split('.')[0] as InsecureSetting))
    expect([...covered].sort()).toEqual([...insecureNames].sort())
  })
})
