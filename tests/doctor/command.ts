/** `sallyport doctor` and a configuration for it, as somebody writes it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { stringify } from 'yaml'
import { runCli } from '../../cli/program.ts'
import { freshSecret } from '../../cli/secret.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

interface Findings {
  readonly findings: readonly {
    readonly probe: string
    readonly title: string
    readonly status: string
    readonly why: string
    readonly fix?: string
  }[]
}

export interface Document {
  readonly ok: boolean
  readonly configuration?: Findings
  readonly addresses: readonly (Findings & { readonly url: string; readonly usual: number })[]
}

export async function examine(...args: string[]): Promise<{ readonly code: number; readonly found: Document }> {
  const terminal = createTestTerminal()
  const code = await runCli(['doctor', '--json', ...args], { version: '0', terminal })
  expect(terminal.errors()).toBe('')
  return { code, found: JSON.parse(terminal.output()) as Document }
}

/** Probe to status. */
export const statusesOf = ({ findings }: Findings): Readonly<Record<string, string>> =>
  Object.fromEntries(findings.map(({ probe, status }) => [probe, status]))

/** Address number to probe to status. */
export const statuses = ({ addresses }: Document) => addresses.map(statusesOf)

/** What the finding of a probe is, at the first address or in the configuration. */
export const findingOf = ({ configuration, addresses }: Document, probe: string) =>
  [...(configuration?.findings ?? []), ...(addresses[0]?.findings ?? [])].find(one => one.probe === probe)

export interface Written {
  readonly publicUrl: string
  readonly issuer: string
  /** Default `policy`, below the directory. */
  readonly policyDirectory?: string
  /** Further settings of the provider. */
  readonly provider?: Readonly<Record<string, unknown>>
  readonly sessions?: Readonly<Record<string, unknown>>
}

/** Writes `sallyport.yaml` into a directory that has a folder `policy`, and gives its path. */
export function writeConfiguration(
  directory: string,
  { publicUrl, issuer, policyDirectory, provider = {}, sessions = {} }: Written,
): string {
  const path = join(directory, 'sallyport.yaml')
  const clientSecret = 'the client secret of a test'
  const settings = {
    server: { url: publicUrl },
    providers: [{ name: 'corp', issuer, clientId: 'sallyport', clientSecret, ...provider }],
    ...(policyDirectory === undefined ? {} : { policy: { directory: policyDirectory } }),
    sessions: { secret: freshSecret(), ...sessions },
  }
  writeFileSync(path, stringify(settings), { mode: 0o600 })
  return path
}
