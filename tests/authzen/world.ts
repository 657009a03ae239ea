/** The service where applications ask: `payroll` is one that may, others are clients of the same issuer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from '../../cli/demo/browser.ts'
import { createSigningIssuer } from '../identity/token-issuer.ts'
import { timesNow } from '../machines/world.ts'
import { startService, type TestService, type TestServiceOptions } from '../service.ts'

export const questionAudience = 'https://auth.example.com/access'

export interface QuestionAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: unknown
}

export interface AskOptions {
  /** Client that asks; default `payroll`. */
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the message. */
  readonly text?: string | Buffer
  readonly token?: string | undefined
}

export interface QuestionWorld extends TestService {
  /** Issuer of the provider: people are `<issuer>#<sub>`. */
  readonly issuer: string
  readonly token: (client: string, claims?: object) => string
  /** `path` is below `/access/v1/`. */
  readonly question: (path: string, message: unknown, options?: AskOptions) => Promise<QuestionAnswer>
  /** The decision of one question; throws for whatever is none. */
  readonly decides: (message: unknown, options?: AskOptions) => Promise<boolean>
}

export interface QuestionOptions extends Partial<TestServiceOptions> {
  readonly applications?: readonly Readonly<Record<string, unknown>>[]
  readonly authzen?: Readonly<Record<string, unknown>>
  /** Beside `apps` and `prod`. */
  readonly moreIssuers?: readonly Readonly<Record<string, unknown>>[]
}

/** `ISSUER` in the policy and the conditions is the issuer of the provider. */
export async function startQuestions(
  policy: string,
  { applications = [], authzen = {}, moreIssuers = [], ...options }: QuestionOptions = {},
): Promise<QuestionWorld> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-authzen-'))
  const apps = createSigningIssuer('https://apps.example.com')
  const jwksFile = join(directory, 'jwks.json')
  writeFileSync(jwksFile, JSON.stringify(apps.jwks()))
  let issuer = ''
  const service = await startService({
    ...options,
    // Asked for after the provider has its address.
    get policy() {
      return policy.replaceAll('ISSUER', issuer)
    },
    tokenIssuers: corp => {
      issuer = corp.issuer
      const kept = { audience: 'sallyport', jwksFile }
      return [
        { name: 'apps', kind: 'generic', issuer: apps.issuer, ...kept },
        { name: 'prod', kind: 'kubernetes', issuer: 'https://kubernetes.default.svc', ...kept },
        ...moreIssuers,
      ]
    },
    settings: {
      ...options.settings,
      authzen: {
        bearerFrom: ['apps'],
        bearerAudience: questionAudience,
        provider: 'corp',
        ...(applications.length > 0 && { applications }),
        ...authzen,
      },
    },
  })
  const token = (client: string, claims = {}) =>
    apps.token({ ...timesNow(), sub: client, aud: questionAudience, ...claims })
  const question: QuestionWorld['question'] = async (path, message, asked = {}) => {
    const { as = 'payroll', headers = {}, text = JSON.stringify(message) } = asked
    const bearer = 'token' in asked ? asked.token : token(as)
    const answer = await request(`${service.publicUrl}/access/v1/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...headers,
      },
      body: text as string,
    })
    return { status: answer.status, headers: answer.headers, body: JSON.parse(answer.body || 'null') as unknown }
  }
  return {
    ...service,
    issuer,
    token,
    question,
    decides: async (message, asked) => {
      const { status, body } = await question('evaluation', message, asked)
      const decision = (body as { decision?: unknown } | null)?.decision
      if (status !== 200 || typeof decision !== 'boolean') throw new Error(`${status}: ${JSON.stringify(body)}`)
      return decision
    },
    close: async () => {
      await service.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const entity = (text: string) => {
  const colon = text.indexOf(':')
  return { type: text.slice(0, colon), id: text.slice(colon + 1) }
}

/** `<type>:<id>` of a subject, an action, `<type>:<id>` of a resource. */
export const about = (subject: string, action: string, resource: string) => ({
  subject: entity(subject),
  action: { name: action },
  resource: entity(resource),
})
