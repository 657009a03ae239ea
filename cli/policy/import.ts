/** Converts a file, proves that the result loads, and writes or prints it with everything that was left out. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { compilePolicy } from '../../rbac/policy.ts'
import { parsePolicyTests } from '../../rbac/testing/policy-test.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import { canonicalHost, importAuthelia } from './import/authelia.ts'
import { importOauth2Proxy } from './import/oauth2-proxy.ts'
import { importPomerium } from './import/pomerium.ts'
import { createReport, type Finding, formatFindings } from './import/report.ts'
import { createConditionNames, type ImportedPolicy, type ImportedRow, writePolicy } from './import/rows.ts'

export interface ImportChoice {
  readonly format: 'authelia' | 'pomerium' | 'oauth2-proxy'
  readonly file: string
  readonly output?: string
  readonly host?: string
  readonly usernameClaim?: string
  readonly json?: boolean
}

export async function importPolicy(choice: ImportChoice, terminal: Terminal): Promise<number> {
  try {
    const path = resolve(terminal.cwd, choice.file)
    const file = { name: choice.file, text: readFileSync(path, 'utf8') }
    const { policy, findings } = await convert(choice, file, { path, progress: terminal.progress })
    const files = filesOf(choice, policy)
    if (choice.output !== undefined) writeNew(resolve(terminal.cwd, choice.output), files)
    if (choice.json === true) terminal.write(`${JSON.stringify({ files, findings })}\n`)
    else {
      if (choice.output === undefined)
        for (const [name, text] of Object.entries(files)) terminal.write(`# ${name}\n${text}\n`)
      else terminal.write(`written to ${choice.output}: ${Object.keys(files).join(', ')}\n`)
      terminal.write(formatFindings(choice.file, findings))
    }
    return exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

export interface ConvertOptions {
  /** Files that the original names are looked for beside it. Default its name. */
  readonly path?: string
  readonly progress?: Terminal['progress']
}

/** Rejects with `PolicyError` when the original cannot be read. */
export async function convert(
  choice: Omit<ImportChoice, 'file'>,
  file: { readonly name: string; readonly text: string },
  { path = file.name, progress = () => {} }: ConvertOptions = {},
): Promise<{ policy: ImportedPolicy; findings: readonly Finding[]; rows: readonly ImportedRow[] }> {
  const names = createConditionNames()
  const report = createReport()
  const { usernameClaim } = choice
  const options = { names, report, ...(usernameClaim === undefined ? {} : { usernameClaim }) }
  const rows = ((): ImportedRow[] => {
    if (choice.format === 'authelia') return importAuthelia(file, options)
    if (choice.format === 'pomerium') return importPomerium(file, options)
    const host = choice.host === undefined ? undefined : canonicalHost(choice.host)
    if (host === undefined) throw new Error('--host: name the host that the proxy stands before')
    const readEmails = (name: string): string | undefined => readIfThere(resolve(dirname(path), name))
    return importOauth2Proxy(file, { ...options, host, readEmails })
  })()
  progress(() => `writing ${rows.length} rows`)
  const policy = writePolicy(rows, names, file.name)
  await proveItLoads(policy, progress)
  return { policy, findings: report.findings(), rows }
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

async function proveItLoads({ csv, conditions, tests }: ImportedPolicy, progress: Terminal['progress']): Promise<void> {
  const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
  const conditionsFile = conditions === '' ? {} : { conditions: { name: 'conditions.yaml', text: conditions } }
  const pause = async (): Promise<void> => progress(() => 'compiling what came of it')
  await compilePolicy({ model, files: [{ name: 'imported.csv', text: csv }], ...conditionsFile }, { pause })
  parsePolicyTests({ name: 'imported.test.yaml', text: tests }, { now: 0 })
}

function filesOf({ format }: ImportChoice, { csv, conditions, tests }: ImportedPolicy): Record<string, string> {
  const conditionsFile = conditions === '' ? {} : { 'conditions.yaml': conditions }
  return { [`${format}.csv`]: csv, ...conditionsFile, [`${format}.test.yaml`]: tests }
}

/** Nothing is overwritten: a policy may stand there. */
function writeNew(directory: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(directory, { recursive: true })
  for (const name of Object.keys(files)) {
    if (existsSync(join(directory, name)))
      throw new Error(`${join(directory, name)} is there already; name another directory`)
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text, { flag: 'wx' })
}
