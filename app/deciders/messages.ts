/**
 * What a decider outside is told and what it answers: an evaluation of AuthZEN (Authorization API 1.0, sections 5 and 6), bare or
 * as the `input` of a rule of Open Policy Agent (its REST API, "Get a Document (with Input)").
 *
 * It is told who asks for what, and nothing of the login, the query or the headers: so that one answer holds for every
 * login of a person, and no secret leaves.
 */
import type { AskedAbout } from '../../rbac/context.ts'
import type { Identity, Machine } from '../../rbac/identity.ts'

export type Shape = 'opa' | 'authzen'

export interface Asked extends AskedAbout {
  readonly request: NonNullable<AskedAbout['request']>
  readonly clientAddress: string | undefined
}

/** The same text for the same question. */
export function questionText(shape: Shape, { identity, request, clientAddress }: Asked): string {
  const { domain, resource, action } = request
  const question = {
    subject: subjectOf(identity),
    action: { name: action },
    resource: { type: 'url', id: `https://${domain}${resource}`, properties: { host: domain, path: resource } },
    context: clientAddress === undefined ? {} : { ip_address: clientAddress },
  }
  return JSON.stringify(shape === 'opa' ? { input: question } : question)
}

function subjectOf(identity: Identity) {
  if (identity.kind === 'anonymous') return { type: 'anonymous', id: 'anonymous' }
  const { provider, groups } = identity
  if (identity.kind === 'machine') return { ...machineOf(identity), properties: { provider, groups } }
  const { subject, email } = identity
  return { type: 'user', id: subject, properties: { provider, groups, ...(email !== undefined && { email }) } }
}

function machineOf({ serviceAccount, client, certificate, subject }: Machine) {
  if (serviceAccount !== undefined) return { type: 'service-account', id: serviceAccount }
  if (client !== undefined) return { type: 'client', id: client }
  return { type: 'certificate', id: certificate ?? subject }
}

/** Threat: an answer that is not clearly a yes or a no, taken for one. Throws without a word of the answer, which may be a secret. */
export function answerIn(shape: Shape, text: string): boolean {
  const fields = fieldsOf(parse(text))
  const answer = shape === 'authzen' ? fields.decision : fields.result
  const said = shape === 'opa' && typeof answer === 'object' ? fieldsOf(answer).allow : answer
  if (typeof said !== 'boolean')
    throw new Error(`the answer has no ${shape === 'opa' ? 'result' : 'decision'} that is true or false`)
  return said
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('the answer is no JSON')
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {}
