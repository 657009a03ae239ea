/** The golden cases: each YAML file beside this one is a policy's test file, as operators write them, and one is a table. */
import { readdirSync, readFileSync } from 'node:fs'
import { type PolicyTestFile, parsePolicyTests } from '../../rbac/testing/policy-test.ts'
import { parseConditionTable } from './condition-table.ts'

export interface GoldenFile extends PolicyTestFile {
  readonly name: string
}

const directory = new URL('./', import.meta.url)
/** Clock of cases that state none, seconds since the epoch. */
const now = Date.UTC(2026, 0, 1, 12) / 1000

export function goldenFiles(): GoldenFile[] {
  return readdirSync(directory)
    .filter(name => /\.(yaml|md)$/.test(name))
    .sort()
    .map(name => {
      const file = { name, text: readFileSync(new URL(name, directory), 'utf8') }
      return { name, ...(name.endsWith('.md') ? parseConditionTable : parsePolicyTests)(file, { now }) }
    })
}
