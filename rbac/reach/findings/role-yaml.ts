/** Roles and bindings as YAML, one rule as four lines: what `kubectl apply` takes, and what reads well in a diff. */
import type { Rule } from '../../kubernetes/rule.ts'
import type { BindingObject, RoleObject } from '../objects.ts'

/**
 * A JSON text is a YAML text; names that need no quotes are written without them. Threat: a name with a character that turns
 * the direction of text reads as another one; within quotes YAML takes its escape for it.
 */
const text = (value: string): string =>
  /^[a-z][a-z0-9.-]*$/i.test(value) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(value)
    ? value
    : JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16)
  return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`
}

const list = (values: readonly string[]): string => `[${values.map(value => text(value)).join(', ')}]`

const fields = ['apiGroups', 'resources', 'resourceNames', 'nonResourceURLs', 'verbs'] as const

/** Of a big cluster's edits most repeat the rules that stay: each is written once. */
const written = new WeakMap<Rule, readonly string[]>()

function ruleLines(rule: Rule): readonly string[] {
  const known = written.get(rule)
  if (known !== undefined) return known
  const lines = linesOf(rule)
  written.set(rule, lines)
  return lines
}

function linesOf(rule: Rule): string[] {
  const lines = fields.flatMap(name => {
    const values = rule[name]
    return values === undefined || (values.length === 0 && name !== 'verbs') ? [] : [`${name}: ${list(values)}`]
  })
  return lines.map((line, at) => `${at === 0 ? '  - ' : '    '}${line}`)
}

const head = (kind: string, { name, namespace }: { readonly name: string; readonly namespace?: string }): string[] => [
  'apiVersion: rbac.authorization.k8s.io/v1',
  `kind: ${kind}`,
  'metadata:',
  `  name: ${text(name)}`,
  ...(namespace === undefined ? [] : [`  namespace: ${text(namespace)}`]),
]

/** Labels are left as they are by `kubectl apply --server-side`: they are not written. */
export const roleYaml = (role: RoleObject, rules: readonly Rule[]): string =>
  [...head(role.kind, role), rules.length === 0 ? 'rules: []' : 'rules:', ...rules.flatMap(ruleLines), ''].join('\n')

export const bindingYaml = (binding: BindingObject, subjects: BindingObject['subjects']): string =>
  [
    ...head(binding.kind, binding),
    'roleRef:',
    '  apiGroup: rbac.authorization.k8s.io',
    `  kind: ${binding.roleRef.kind}`,
    `  name: ${text(binding.roleRef.name)}`,
    subjects.length === 0 ? 'subjects: []' : 'subjects:',
    ...subjects.flatMap(({ kind, name, namespace }) => [
      `  - kind: ${kind}`,
      ...(kind === 'ServiceAccount' ? [] : ['    apiGroup: rbac.authorization.k8s.io']),
      `    name: ${text(name)}`,
      ...(namespace === undefined ? [] : [`    namespace: ${text(namespace)}`]),
    ]),
    '',
  ].join('\n')
