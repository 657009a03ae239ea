/** Converts a file, proves that the result loads, and writes or prints it with everything that was left out. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parse } from 'yaml'
import { compilePolicy } from '../../rbac/policy.ts'
import { parsePolicyTests } from '../../rbac/testing/policy-test.ts'
import { reportError } from '../report-error.ts'
import { exitCodes, type Terminal } from '../terminal.ts'
import type { FormatName } from './import/format-names.ts'
import { formats } from './import/formats.ts'
import { canonicalHost } from './import/host-pattern.ts'
import { createReport, type Finding, formatFindings } from './import/report.ts'
import { createConditionNames, type ImportedPolicy, type ImportedRow, writePolicy } from './import/rows.ts'
import { isOneLine, renderTemplates } from './import/templates.ts'

export interface ImportChoice {
  readonly format: FormatName
  readonly file: string
  readonly output?: string
  /** What the written files are called. Default the format. */
  readonly name?: string
  readonly host?: readonly string[]
  readonly usernameClaim?: string
  readonly withSlashAndQuery?: boolean
  /** `NAME=VALUE` for templates in the file. */
  readonly set?: readonly string[]
  /** Whether the environment has values for them as well. Default no. */
  readonly setFromEnv?: boolean
  readonly json?: boolean
}

export async function importPolicy(choice: ImportChoice, terminal: Terminal): Promise<number> {
  try {
    const path = resolve(terminal.cwd, choice.file)
    const file = { name: choice.file, text: readFileSync(path, 'utf8') }
    const directory = choice.output === undefined ? undefined : resolve(terminal.cwd, choice.output)
    const there = directory === undefined ? undefined : readIfThere(join(directory, conditionsName))
    const { policy, findings, rows } = await convert(choice, file, {
      path,
      there,
      progress: terminal.progress,
      environment: terminal.env,
    })
    const files = filesOf(choice, policy)
    const isNothing = rows.length === 0
    if (directory !== undefined && !isNothing) writeNew(directory, files, there)
    if (choice.json === true) terminal.write(`${JSON.stringify({ files, findings })}\n`)
    else {
      if (isNothing) terminal.write('not one row came of it; nothing is written\n')
      else if (choice.output === undefined)
        for (const [name, text] of Object.entries(files)) terminal.write(`# ${name}\n${text}\n`)
      else terminal.write(`written to ${choice.output}: ${Object.keys(files).join(', ')}\n`)
      terminal.write(formatFindings(choice.file, findings))
    }
    return isNothing ? exitCodes.failure : exitCodes.ok
  } catch (error) {
    return reportError(error, terminal)
  }
}

export interface ConvertOptions {
  /** Files that the original names are looked for beside it. Default its name. */
  readonly path?: string
  /** Conditions that the policy has already; what is made is named beside them. */
  readonly there?: string | undefined
  readonly progress?: Terminal['progress']
  /** Read where `setFromEnv` is chosen. */
  readonly environment?: Terminal['env']
}

/** Rejects with `PolicyError` when the original cannot be read. */
export async function convert(
  choice: Omit<ImportChoice, 'file'>,
  file: { readonly name: string; readonly text: string },
  { path = file.name, there, progress = () => {}, environment = {} }: ConvertOptions = {},
): Promise<{ policy: ImportedPolicy; findings: readonly Finding[]; rows: readonly ImportedRow[] }> {
  const names = createConditionNames(there === undefined ? {} : (parse(there) ?? {}))
  const given = valuesOf(choice.set ?? [])
  const templates = renderTemplates(file, { given, ...(choice.setFromEnv === true ? { environment } : {}) })
  const report = createReport(templates.restore)
  for (const name of templates.unused)
    report.check(1, `--set ${name}`, 'no template of the file asks for it', 'Correct the name.')
  const { usernameClaim, withSlashAndQuery: isSlashSame } = choice
  if (isSlashSame === true)
    report.check(
      1,
      '--with-slash-and-query',
      'a row for an exact path lets /path/ and /path with any query pass as well',
      'Look at the rows that open one path.',
    )
  const rows = formats[choice.format].read(
    { name: file.name, text: templates.text },
    {
      names,
      report,
      isSlashSame,
      hosts: hostsOf(choice),
      readBeside: name => readIfThere(resolve(dirname(path), name)),
      ...(usernameClaim === undefined ? {} : { usernameClaim }),
    },
  )
  progress(() => `writing ${rows.length} rows`)
  const policy = writePolicy(rows, names, file.name)
  await proveItLoads(policy, { there, progress })
  return { policy, findings: report.findings(), rows }
}

function valuesOf(set: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    set.map(text => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.+)$/s.exec(text) ?? []
      if (name === undefined || value === undefined || !isOneLine(value))
        throw new Error(
          `--set: expected NAME=VALUE, with a value of one line, for ${JSON.stringify(text.split('=')[0])}`,
        )
      return [name, value]
    }),
  )
}

function hostsOf({ format, host = [] }: Omit<ImportChoice, 'file'>): readonly string[] {
  const { hosts } = formats[format]
  if (hosts === 'needed' && host.length === 0) throw new Error(`--host: name the hosts that ${format} stands before`)
  if (hosts === 'never' && host.length > 0) throw new Error(`--host: the file of ${format} names its hosts itself`)
  return host.map(text => {
    const canonical = canonicalHost(text)
    if (canonical === undefined || (hosts === 'may' && canonical.includes('*')))
      throw new Error(`--host: "${text}" is not one host`)
    return canonical
  })
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined
}

interface Proof {
  readonly there: string | undefined
  readonly progress: Terminal['progress']
}

async function proveItLoads({ csv, conditions, tests }: ImportedPolicy, { there, progress }: Proof): Promise<void> {
  const model = readFileSync(new URL('../../rbac/model.conf', import.meta.url), 'utf8')
  const text = joined(there, conditions)
  const conditionsFile = text === '' ? {} : { conditions: { name: conditionsName, text } }
  const pause = async (): Promise<void> => progress(() => 'compiling what came of it')
  await compilePolicy({ model, files: [{ name: 'imported.csv', text: csv }], ...conditionsFile }, { pause })
  parsePolicyTests({ name: 'imported.test.yaml', text: tests }, { now: 0 })
}

const conditionsName = 'conditions.yaml'
const joined = (there = '', conditions = ''): string =>
  there === '' || there.endsWith('\n') ? there + conditions : `${there}\n${conditions}`

function filesOf(
  { format, name = format }: ImportChoice,
  { csv, conditions, tests }: ImportedPolicy,
): Record<string, string> {
  const conditionsFile = conditions === '' ? {} : { [conditionsName]: conditions }
  return { [`${name}.csv`]: csv, ...conditionsFile, [`${name}.test.yaml`]: tests }
}

/** Nothing is overwritten: a policy may stand there. New conditions come after those that do. */
function writeNew(directory: string, files: Readonly<Record<string, string>>, there: string | undefined): void {
  mkdirSync(directory, { recursive: true })
  for (const name of Object.keys(files).filter(file => file !== conditionsName)) {
    if (existsSync(join(directory, name)))
      throw new Error(`${join(directory, name)} is there already; name another directory, or the files with --name`)
  }
  for (const [name, text] of Object.entries(files)) {
    const isAdded = name === conditionsName
    writeFileSync(join(directory, name), isAdded ? joined(there, text) : text, { flag: isAdded ? 'w' : 'wx' })
  }
}
