/** Loads the small policies that stand beside the golden cases, with the model that the product ships. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { compilePolicy, PolicyError, type PolicySnapshot } from '../../rbac/policy.ts'

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

/** A policy written in the test itself. `effect`: another than the model's. */
export function policyOf(csv: string, conditions?: string, effect?: string): Promise<PolicySnapshot> {
  const files = [{ name: 'policy.csv', text: csv }]
  const own = effect === undefined ? model : model.replace(/^e = .*$/m, `e = ${effect}`)
  if (conditions === undefined) return compilePolicy({ model: own, files })
  return compilePolicy({ model: own, files, conditions: { name: 'conditions.yaml', text: conditions } })
}

/** A row that is in order. */
export const row = 'p, anyone, a.example.com, /x, GET, -, allow'

/** The problems of a policy that must not load, as `file:line:column: message`. */
export async function problemsOf(load: Promise<unknown>): Promise<string[]> {
  const error: unknown = await load.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!(error instanceof PolicyError)) throw new Error(`expected a PolicyError, got ${String(error)}`)
  return error.problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
}
