/** Loads the small policies that stand beside the golden cases, with the model that the product ships. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { compilePolicy, type PolicySnapshot } from '../../rbac/policy.ts'

export const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')

/** A policy directory below `policies/`: its `*.csv` files by name, and `conditions.yaml`. */
export function loadPolicy(name: string): Promise<PolicySnapshot> {
  const directory = new URL(`policies/${name}/`, import.meta.url)
  const files = readdirSync(directory)
    .filter(file => file.endsWith('.csv'))
    .sort()
    .map(file => ({ name: file, text: readFileSync(new URL(file, directory), 'utf8') }))
  const conditions = new URL('conditions.yaml', directory)
  if (!existsSync(conditions)) return compilePolicy({ model, files })
  return compilePolicy({
    model,
    files,
    conditions: { name: 'conditions.yaml', text: readFileSync(conditions, 'utf8') },
  })
}

/** A policy written in the test itself. */
export function policyOf(csv: string, conditions?: string): Promise<PolicySnapshot> {
  const files = [{ name: 'policy.csv', text: csv }]
  if (conditions === undefined) return compilePolicy({ model, files })
  return compilePolicy({ model, files, conditions: { name: 'conditions.yaml', text: conditions } })
}
