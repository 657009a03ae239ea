/**
 * Decides a request of an audit file again, with what its events hold. They hold no claims, no headers and nothing of
 * how somebody logged in; the groups are those of the session's login, where the file has that as well.
 */
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Config } from '../../config/config.ts'
import { type ExplanationDocument, explainAsDocument } from '../../rbac/explain.ts'
import { anonymous, type Identity } from '../../rbac/identity.ts'
import { parseTime } from '../../rbac/policy-test-identity.ts'
import type { Terminal } from '../terminal.ts'
import { loadPolicy, type PolicyChoice } from './load-policy.ts'
import { defaultsOf } from './who-options.ts'

export interface FromAudit {
  /** The event as it was written. */
  readonly recorded: Readonly<Record<string, unknown>>
  /** Facts that the event does not hold, and that are unknown here. */
  readonly lacks: readonly string[]
  readonly isSameRevision: boolean
  /** Effect, reason and rule are those of the event. */
  readonly isSameDecision: boolean
}

type AuditLine = Readonly<Record<string, unknown>>

interface FoundLines {
  readonly access: AuditLine
  /** The login of the session, the last one before the request. */
  readonly login?: AuditLine
}

/** Rejects when the file has no decision of that request. */
export async function explainFromAudit(
  requestId: string,
  file: string,
  choice: PolicyChoice,
  terminal: Terminal,
): Promise<ExplanationDocument & { readonly requestId: string; readonly fromAudit: FromAudit }> {
  const { access, login } = await findLines(resolve(terminal.cwd, file), requestId)
  const { snapshot, config } = await loadPolicy(choice, terminal)
  const { domain, resource, action, clientAddress } = access
  const identity = identityOf(access, login, config)
  const document = explainAsDocument(
    {
      request: { domain: String(domain), resource: String(resource), action: String(action), url: '' },
      identity,
      context: {
        now: Math.floor(parseTime(access.time)),
        ...(typeof clientAddress === 'string' ? { clientAddress } : {}),
      },
    },
    snapshot,
  )
  const { decision } = document
  const reason = decision.effect === 'allow' ? undefined : decision.reason
  return {
    requestId,
    ...document,
    fromAudit: {
      recorded: access,
      lacks: lacksOf(identity, login),
      isSameRevision: access.revision === snapshot.revision,
      isSameDecision:
        access.event === eventOf[decision.effect] && access.reason === reason && access.rule === decision.rule,
    },
  }
}

const eventOf = { allow: 'access.allowed', challenge: 'access.challenged', deny: 'access.denied' } as const

function identityOf(access: AuditLine, login: AuditLine | undefined, config: Config | undefined): Identity {
  const { subject, email } = access
  if (typeof subject !== 'string') return anonymous
  const { provider = 'idp' } = defaultsOf({ issuer: subject.slice(0, subject.indexOf('#')) }, config)
  const groups = Array.isArray(login?.groups) ? login.groups.map(String) : []
  const own = { subject, provider: typeof login?.provider === 'string' ? login.provider : provider, groups, claims: {} }
  return { kind: 'user', ...own, ...(typeof email === 'string' ? { email } : {}) }
}

function lacksOf(identity: Identity, login: AuditLine | undefined): string[] {
  const always = ['headers', 'client certificate']
  if (identity.kind === 'anonymous') return always
  return [...(login === undefined ? ['groups'] : []), 'claims', 'time, methods and class of the login', ...always]
}

async function findLines(file: string, requestId: string): Promise<FoundLines> {
  const logins = new Map<string, AuditLine>()
  for await (const text of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    const line = parseLine(text)
    const event = String(line.event)
    if (event === 'login.succeeded' && typeof line.session === 'string') logins.set(line.session, line)
    if (line.requestId !== requestId || !Object.values<string>(eventOf).includes(event)) continue
    const login = logins.get(String(line.session))
    return { access: line, ...(login === undefined ? {} : { login }) }
  }
  throw new Error(`${file} has no decision with the request id ${requestId}`)
}

/** A line that is cut off, or of something else, is passed over. */
function parseLine(text: string): AuditLine {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null ? (line as AuditLine) : {}
  } catch {
    return {}
  }
}
