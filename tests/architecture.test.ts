/** The rules of docs/architecture.md that a machine can hold, each with a sentence that says what to do. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { auditEvents, fieldsOf, kubernetesFields } from '../app/audit/event-fields.ts'
import { operationalErrors } from '../app/errors.ts'
import { metricDefinitions } from '../app/telemetry/metric-definitions.ts'
import { generatedFiles } from '../cli/docs.ts'
import { createWholeProgram } from '../cli/program.ts'
import { references } from '../cli/references.ts'
import { challengeReasons, denyReasons } from '../rbac/decision.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const sourceFolders = ['app', 'bench', 'cli', 'config', 'rbac', 'spelling']
const longestFile = 300
const fullestFolder = 25

const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(root.length))

const sources = sourceFolders.flatMap(filesBelow).filter(path => path.endsWith('.ts'))
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('the structure', () => {
  test('keeps the dependency rule', async () => {
    const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
    const args = [depcruise, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...sourceFolders]
    const options = { cwd: root, maxBuffer: 64 * 1_024 * 1_024 }
    // The tool's exit code is the number of violations, and its report is whole all the same.
    const { stdout } = await promisify(execFile)(process.execPath, args, options).catch(
      (error: { stdout: string }) => error,
    )
    const { summary } = JSON.parse(stdout) as {
      summary: { violations: { from: string; to: string; rule: { name: string } }[]; totalCruised: number }
    }
    expect(summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`)).toEqual([])
    expect(summary.totalCruised).toBeGreaterThan(sources.length / 2)
  })

  test(`has no file of more than ${longestFile} lines: two things in one file are two files`, () => {
    const long = sources.filter(path => textOf(path).split('\n').length - 1 > longestFile)
    expect(long).toEqual([])
  })

  test(`has no folder of the product with more than ${fullestFolder} files: it is a room that wants walls`, () => {
    const sizes = new Map<string, number>()
    for (const path of sources) sizes.set(dirname(path), (sizes.get(dirname(path)) ?? 0) + 1)
    const full = [...sizes].filter(([folder, size]) => size > fullestFolder && !folder.startsWith('bench'))
    expect(full).toEqual([])
  })

  test('calls nothing utils, helpers, common, misc, shared or lib: a name says what is inside', () => {
    const all = [...sourceFolders, 'tests', 'deploy'].flatMap(filesBelow)
    const isVague = (name: string) => /^(utils?|helpers?|common|misc|shared|lib)(\.|$)/i.test(name)
    expect(all.filter(path => [...dirname(path).split('/'), basename(path)].some(isVague))).toEqual([])
  })

  test('names files in kebab case and tells at the top of each what it is for', () => {
    expect(sources.filter(path => !/^[a-z0-9-]+(\.d)?\.ts$/.test(basename(path)))).toEqual([])
    expect(sources.filter(path => !/^(#!.*\n)?\/\*\*/.test(textOf(path)))).toEqual([])
  })
})

describe('docs/architecture.md', () => {
  test('names files and folders that are there', () => {
    const named = [...textOf('docs/architecture.md').matchAll(/`([a-z]+(?:[/-][a-z0-9-]+)*(?:\.ts|\/))`/g)].map(
      ([, path = '']) => path,
    )
    expect(named.length).toBeGreaterThan(60)
    const places = (path: string) => [path, `app/${path}`, `app/sessions/${path}`, `app/login/${path}`, `rbac/${path}`]
    expect(named.filter(path => !places(path).some(place => existsSync(join(root, place))))).toEqual([])
  })
})

describe('the generated references', async () => {
  const silent = { write: () => undefined, writeError: () => undefined, cwd: root }
  const program = await createWholeProgram({ version: '0.0.0', terminal: silent as never }, () => undefined)
  const pages = [...generatedFiles(program), ...references().map(({ path, text }) => [path, text] as const)]

  test.each(pages.map(([path, text]) => ({ path, text })))(
    '$path says what the code says (else: npm run docs)',
    page => {
      expect(textOf(page.path)).toBe(page.text)
    },
  )

  /** The names in the first column of a page's tables. */
  const namesIn = (path: string): string[] =>
    [...textOf(path).matchAll(/^\| `([^`]+)` \|/gm)].map(match => match[1] ?? '')

  test.each([
    ['docs/reference/errors.md', Object.keys(operationalErrors)],
    ['docs/reference/decisions.md', [...Object.keys(challengeReasons), ...Object.keys(denyReasons)]],
  ])('%s lists every code once, and nothing else', (path, codes) => {
    expect(namesIn(path).sort()).toEqual([...codes].sort())
  })

  test('docs/reference/metrics.md lists every metric, and no other', () => {
    const names = namesIn('docs/reference/metrics.md').filter(name => name.startsWith('sallyport_'))
    expect([...new Set(names)].sort()).toEqual(Object.keys(metricDefinitions).sort())
  })

  test('docs/reference/audit-events.md has a section for every event, and every field', () => {
    const text = textOf('docs/reference/audit-events.md')
    const sections = [...text.matchAll(/^## ([a-z-]+\.[a-z-]+)$/gm)].map(match => match[1])
    expect(sections).toEqual(Object.keys(auditEvents))
    const ofEvents = Object.keys(auditEvents).flatMap(name => fieldsOf(name as keyof typeof auditEvents))
    const fields = new Set<string>([...ofEvents, ...Object.keys(kubernetesFields)])
    const named = new Set(namesIn('docs/reference/audit-events.md'))
    expect([...fields].filter(field => !named.has(field))).toEqual([])
    expect([...named].filter(name => !fields.has(name)).sort()).toEqual(['event', 'time', 'v'])
  })

  test('every error code is used somewhere: a code that nothing throws is a promise that nothing keeps', () => {
    const texts = sources.filter(path => path !== 'app/errors.ts').map(textOf)
    expect(Object.keys(operationalErrors).filter(code => !texts.some(text => text.includes(code)))).toEqual([])
  })
})
