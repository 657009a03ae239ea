/**
 * How much of what other programs allowed an import keeps: each configuration of the corpus, question by question, beside
 * an evaluator of the original that knows nothing of rows. Nothing may become wider.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { convert } from '../../cli/policy/import.ts'
import { decide } from '../../rbac/decide.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import type { PolicySnapshot } from '../../rbac/policy.ts'
import { policyOf } from '../decisions/policies.ts'
import { readAuthelia } from './old/authelia.ts'
import { oauth2ProxyHost, readOauth2Proxy } from './old/oauth2-proxy.ts'
import { readPomerium } from './old/pomerium.ts'
import { type Asker, type Question, questionsOf } from './old/questions.ts'

const corpus = new URL('corpus/', import.meta.url)
const textOf = (name: string): string => readFileSync(new URL(name, corpus), 'utf8')

const products = {
  authelia: { read: readAuthelia, choice: { usernameClaim: 'login' }, target: 0.97 },
  pomerium: { read: readPomerium, choice: {}, target: 0.85 },
  'oauth2-proxy': {
    read: (text: string) => readOauth2Proxy(text, textOf('oauth2-proxy/emails.txt')),
    choice: { host: [oauth2ProxyHost] },
    target: 0.9,
  },
} as const
type Product = keyof typeof products

const domain = 'example.com'
/** What the machine of the old program put into its file. */
const rendered = (text: string): string => text.replace(/\{\{ env "DOMAIN" \}\}|\$\{DOMAIN\}/g, domain)

function identityOf({ login, email, groups, mfa, department, realmRoles, clientRoles }: Asker): Identity {
  if (login === undefined) return anonymous
  const resources = Object.fromEntries(Object.entries(clientRoles).map(([id, roles]) => [id, { roles }]))
  const asserted = { login, email, email_verified: true, groups: [...groups], department }
  const claims = { ...asserted, realm_access: { roles: [...realmRoles] }, resource_access: resources }
  const amr = mfa ? ['pwd', 'mfa'] : ['pwd']
  return {
    kind: 'user',
    subject: `https://idp.example#${login}`,
    provider: 'idp',
    groups,
    email,
    claims,
    authTime: 0,
    amr,
  }
}

const preflight: Readonly<Record<string, string>> = {
  origin: 'https://a.example',
  'access-control-request-method': 'PUT',
}

function isAllowedHere({ who, host, path, method, isPreflight }: Question, snapshot: PolicySnapshot): boolean {
  const header = (name: string): string | undefined => (isPreflight ? preflight[name] : undefined)
  const request = { domain: host, resource: path, action: method, url: '' }
  return (
    decide({ request, identity: identityOf(who), context: { now: 0, clientAddress: who.address, header } }, snapshot)
      .effect === 'allow'
  )
}

/** A path with a slash at its end and without it are one path here, where that was chosen. */
const spellings = (path: string): readonly string[] => [path.replace(/(.)\/$/, '$1'), `${path}/`.replace('//', '/')]

interface Count {
  allowed: number
  kept: number
}

async function countOf(product: Product, name: string, withSlashAndQuery: boolean): Promise<Count> {
  const { read, choice } = products[product]
  const file = { name, text: textOf(name) }
  const options = { path: new URL(name, corpus).pathname }
  const { policy } = await convert(
    { format: product, ...choice, set: [`DOMAIN=${domain}`], withSlashAndQuery },
    file,
    options,
  )
  const snapshot = await policyOf(policy.csv, policy.conditions || undefined)
  const { asked, allows } = read(rendered(file.text))
  const count = { allowed: 0, kept: 0 }
  for (const question of questionsOf(asked)) {
    const [was, is] = [allows(question), isAllowedHere(question, snapshot)]
    if (was) count.allowed += 1
    if (was && is) count.kept += 1
    const mayBe = withSlashAndQuery ? spellings(question.path).some(path => allows({ ...question, path })) : was
    if (is && !mayBe) throw new Error(`wider: ${JSON.stringify(question)}\n${policy.csv}${policy.conditions}`)
  }
  return count
}

const percent = ({ allowed, kept }: Count): string => `${((100 * kept) / allowed).toFixed(1)} %`
const sum = (counts: readonly Count[]): Count => ({
  allowed: counts.reduce((total, { allowed }) => total + allowed, 0),
  kept: counts.reduce((total, { kept }) => total + kept, 0),
})
const filesOf = (product: Product): readonly string[] =>
  readdirSync(new URL(`${product}/`, corpus))
    .filter(name => /\.(?:ya?ml|cfg)$/.test(name))
    .sort()
    .map(name => `${product}/${name}`)

const page = readFileSync(new URL('../../docs/migration/README.md', import.meta.url), 'utf8')

describe.each(Object.keys(products) as Product[])('%s', product => {
  test('what an import keeps stands in the documentation and reaches its target, and nothing is wider', async () => {
    const files = filesOf(product)
    const counts: { file: string; strict: Count; chosen: Count }[] = []
    for (const file of files)
      counts.push({ file, strict: await countOf(product, file, false), chosen: await countOf(product, file, true) })
    for (const { file, strict, chosen } of counts)
      process.stdout.write(
        `${file}: ${chosen.allowed} permissions, ${percent(strict)}, ${percent(chosen)} with --with-slash-and-query\n`,
      )
    const [strict, chosen] = [sum(counts.map(one => one.strict)), sum(counts.map(one => one.chosen))]
    const row = `| ${product} | ${files.length} | ${chosen.allowed} | ${percent(strict)} | ${percent(chosen)} |`
    process.stdout.write(`${row}\n`)
    // A configuration that allowed nothing would count for nothing.
    expect(counts.filter(one => one.chosen.allowed < 20)).toEqual([])
    expect(chosen.kept / chosen.allowed).toBeGreaterThanOrEqual(products[product].target)
    expect(page.split('\n').filter(line => line.startsWith(`| ${product} |`))).toEqual([row])
  })
})
