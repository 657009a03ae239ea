/** The JSON Schema (2020-12) of `sallyport kube review --json`, for whoever reads it by a program. */
import { severities } from '../../../rbac/reach/finding.ts'
import { reportVersion } from '../../../rbac/reach/report/report.ts'
import { suppressionStates } from '../../../rbac/reach/suppress/suppression.ts'

export const text = { type: 'string' } as const
export const count = { type: 'integer', minimum: 0 } as const
export const texts = { type: 'array', items: text } as const
const nullable = (description: string) => ({ type: ['string', 'null'], description })

/** Fields that come later do not break a reader; those that are here stay until `version` changes. */
export const record = (properties: Readonly<Record<string, unknown>>, optional: readonly string[] = []) => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter(name => !optional.includes(name)),
})

const grant = record({
  binding: { ...text, description: 'kind, namespace and name, such as RoleBinding payments/deployers' },
  role: text,
  rule: { type: 'integer', minimum: 1, description: 'which rule of the role, from 1' },
  subject: { ...text, description: 'whom the binding names: the subject of the finding, or a group that it is in' },
})

const step = record({ from: text, to: text, move: text, namespace: text }, ['namespace'])

export const findingSchema = record({
  id: { ...text, description: 'the same in each review as long as subject, move, scope and targets are' },
  move: { ...text, description: 'docs/reach/moves has a page for each; the direct moves of everybody are all of them' },
  title: text,
  severity: { enum: [...severities] },
  subject: { ...text, description: 'service-account:namespace/name, user:name or group:name' },
  namespace: nullable('where it holds; null: in the whole cluster'),
  targets: { ...texts, description: 'whom or what this very move reaches; sets stand in sets' },
  perhaps: { ...texts, description: 'reached if something else comes with it; never part of a path' },
  grants: { type: 'array', items: grant },
  path: { type: 'array', items: step, description: 'the shortest way to the worst that it leads to' },
  isExpected: { type: 'boolean', description: 'what Kubernetes itself ships' },
  within: nullable('id of a finding of the same subject that says this and more'),
  suppressed: {
    ...record({ reason: text, expires: text }),
    type: ['object', 'null'],
    description: 'accepted by --suppress until then; null: by nobody',
  },
  sentence: text,
})

export const problemSchema = record(
  {
    code: text,
    unread: count,
    place: record({ source: text, line: { type: 'integer', minimum: 1 } }, ['line']),
    object: text,
    namespace: { ...text, description: 'in which alone the kind was not read' },
    message: text,
  },
  ['unread', 'object', 'namespace'],
)

export const suppressionSchema = record(
  {
    id: text,
    subject: text,
    move: text,
    scope: { ...text, description: 'a namespace, or * for the whole cluster; absent: each that it had' },
    line: { type: 'integer', minimum: 1 },
    reason: text,
    expires: text,
    state: { enum: [...suppressionStates], description: 'applies alone folds anything' },
    findings: { ...texts, description: 'ids of what it names, folded or not' },
    message: { ...text, description: 'why it does not apply' },
  },
  ['id', 'subject', 'move', 'scope', 'message'],
)

export const askedSchema = {
  ...record({ subject: text, namespace: text }, ['subject', 'namespace']),
  description: 'what alone was asked for; absent: everything',
}

export const reportSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'sallyport kube review --json',
  ...record(
    {
      version: { const: reportVersion },
      summary: record({
        findings: record(Object.fromEntries(severities.map(severity => [severity, count]))),
        expected: count,
        within: count,
        suppressed: count,
        subjects: count,
        serverVersion: nullable('as --server-version or the cluster said; null: taken for 1.35 or later'),
        objectsSeen: count,
      }),
      findings: { type: 'array', items: findingSchema },
      groups: {
        type: 'array',
        items: record({
          findings: texts,
          edits: { type: 'array', items: record({ object: text, sentence: text, patch: text }, ['patch']) },
        }),
      },
      sets: { type: 'object', additionalProperties: texts },
      problems: { type: 'array', items: problemSchema },
      asked: askedSchema,
      changes: record({ new: texts, gone: texts, folded: texts, unchanged: count }),
      suppressions: { type: 'array', items: suppressionSchema },
    },
    ['asked', 'changes', 'suppressions'],
  ),
}

export const reportSchemaText = (): string => `${JSON.stringify(reportSchema, null, 2)}\n`
