/** The JSON Schemas (2020-12) of `kube excess --json` and `kube inventory --json`, for whoever reads them by a program. */
import { severities } from '../../../rbac/reach/finding.ts'
import { certainties, credentialKinds, findingCodes, identityKinds } from '../../../rbac/reach/inventory/identity.ts'

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const
const share = { type: 'number', minimum: 0, maximum: 1 } as const
const moment = { type: 'string', description: 'ISO 8601' } as const
const flag = { type: 'boolean' } as const
const list = (items: object) => ({ type: 'array', items })
const oneOf = (values: readonly string[]) => ({ enum: [...values] })
const counts = (values: object) => ({ type: 'object', additionalProperties: values })

/** Nothing else: a field that nobody described is a mistake, or comes with another `schema`. */
const record = (properties: Readonly<Record<string, unknown>>, optional: Readonly<Record<string, unknown>> = {}) => ({
  type: 'object',
  properties: { ...properties, ...optional },
  required: Object.keys(properties),
  additionalProperties: false,
})

const place = record({ source: text }, { line: { type: 'integer', minimum: 1 } })
const problem = record({ code: text, place, message: text }, { unread: count, object: text, namespace: text })
const log = record({
  ...{ calls: count, denied: count, repeated: count, withoutDecision: count, unauthenticated: count },
  ...{ unreadable: counts(count), leftOut: count, tooOld: count },
})
const object = { kind: text, name: text }
const rule = { apiGroups: list(text), resources: list(text), resourceNames: list(text), nonResourceURLs: list(text) }
const excess = { granted: count, used: count, unseen: count, unusedShare: share }
const usedKind = {
  anyOf: [
    record({ verb: text, path: text }),
    record({ verb: text, group: text, resource: text }, { subresource: text, namespace: text, name: text }),
  ],
}

const head = (title: string, properties: object) => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title,
  ...properties,
})

export const excessSchema = head(
  'sallyport kube excess --json',
  record({
    schema: { const: 'sallyport.dev/kube-excess/v1' },
    log: record(
      {
        ...{ days: count, counts: log },
        sources: list(record({ source: text, events: count }, { brokenOff: text })),
      },
      { first: moment, last: moment },
    ),
    reasons: record({ agreed: count, differs: count, gone: count, unnamed: count }),
    identities: list(
      record(
        {
          ...{ subject: text, ...excess, calls: count, impersonated: count, denied: count },
          bindings: list(
            record(
              {
                ...{ binding: text, role: record(object), place, ...excess, by: list(text) },
                rules: list(record({ rule: count, verbs: list(text), ...excess, used: list(usedKind) }, rule)),
              },
              { lastUsed: moment },
            ),
          ),
        },
        { lastSeen: moment },
      ),
    ),
    roles: list(
      record(
        { ...object, place, subjects: list(text) },
        {
          namespace: text,
          leftAlone: oneOf(['default-role', 'aggregated', 'exact']),
          rules: list(record({ verbs: list(text) }, rule)),
          unseen: list(text),
          patch: list(
            record({ op: oneOf(['test', 'replace']), path: text, value: list(record({ verbs: list(text) }, rule)) }),
          ),
        },
      ),
    ),
    unexplained: list(record({ subject: text, question: usedKind, count, last: moment })),
    problems: list(problem),
  }),
)

const requestStates = ['pending', 'approved', 'denied', 'failed', 'issued'] as const
const sink = record({ sink: text, steps: count }, { move: text })
const credential = record(
  { kind: oneOf(credentialKinds), name: text },
  { created: moment, lastUsed: moment, expires: { type: 'string', description: 'never, unknown, or ISO 8601' } },
)

export const inventorySchema = head(
  'sallyport kube inventory --json',
  record({
    schema: { const: 'sallyport.dev/kube-inventory/v1' },
    coverage: record(
      {
        serviceAccounts: record({ seen: count, all: count }),
        ...{ withoutOwner: count, missing: count, unread: count, kindsNotRead: list(text), takenForPeople: count },
        daysOfLog: count,
      },
      { namespacesRead: list(text), notedTokens: record({ since: moment, forgotten: count }) },
    ),
    identities: list(
      record(
        {
          ...{ id: text, kind: oneOf(identityKinds), name: text, bindings: list(text) },
          consumers: list(record({ workload: text, hasToken: flag, isOnEveryNode: flag })),
          credentials: list(credential),
          cloudRoles: list(record({ cloud: oneOf(['aws', 'google', 'azure']), role: text })),
          ...{ hasEverything: flag, isMissing: flag },
        },
        {
          ...{ namespace: text, place, created: moment, lastUsed: moment, isUnread: flag },
          owner: record({ name: text, inferredFrom: text, certainty: oneOf(certainties) }),
          rights: record({ granted: count, used: count, unseen: count }, { unusedShare: share }),
          reach: record({ sinks: list(sink), becomes: count }),
          groups: list(text),
          certificate: record(
            { signer: text, requestor: text, usages: list(text), state: oneOf(requestStates) },
            { expirationSeconds: count, user: text, groups: list(text) },
          ),
        },
      ),
    ),
    findings: list(record({ code: oneOf(findingCodes), severity: oneOf(severities), about: text, sentence: text })),
    log,
    problems: list(problem),
  }),
)

export const excessSchemaText = (): string => `${JSON.stringify(excessSchema, null, 2)}\n`
export const inventorySchemaText = (): string => `${JSON.stringify(inventorySchema, null, 2)}\n`
