/** The page of what holds behind which proxy has each scenario of the table and each proxy, and is made of a run alone. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ProxyKind, proxyKinds } from '../../cli/demo/proxies/proxies.ts'
import { printedFormats } from '../proxy-config/printed.ts'
import { http2Scenarios } from './http2/scenarios.ts'
import { http3Kinds } from './http3/kinds.ts'
import { http3Scenarios } from './http3/scenarios.ts'
import { scenarios } from './scenarios.ts'
import { type Lacking, type MatrixRow, matrixFile, matrixPage, type RunResult, writeMatrix } from './support-matrix.ts'

const rowOf =
  (kinds: readonly ProxyKind[], lacking: Lacking) =>
  ({ name }: { readonly name: string }): MatrixRow => ({ name, only: { kinds, lacking } })
const rows: readonly MatrixRow[] = [
  ...scenarios,
  ...http2Scenarios.map(rowOf(printedFormats, 'no HTTP/2')),
  ...http3Scenarios.map(rowOf(http3Kinds, 'no HTTP/3')),
]
const names = rows.map(({ name }) => name)
const cellsOf = (line: string): string[] => line.split(' | ').map(cell => cell.replaceAll(/^\| | \|$/g, ''))
const rowsOf = (page: string): string[][] =>
  page
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(cellsOf)

const run = (status: string): RunResult => ({
  testResults: proxyKinds.map(kind => ({
    assertionResults: names.flatMap(title =>
      ['lmdb', 'redis'].map(store => ({ ancestorTitles: [`${kind} in front, sessions in ${store}`], title, status })),
    ),
  })),
})

// With the result of a run the page is written, by `npm run matrix`; without one it is held against the table.
const { SCENARIO_RESULT: resultFile } = process.env

describe('the page of what holds behind which proxy', () => {
  if (resultFile !== undefined) it('is written from a run', () => writeMatrix(rows, resultFile))

  it('has the scenarios of the table, each behind every proxy, and the versions that ran', () => {
    const [, , versions = [], ...written] = rowsOf(readFileSync(matrixFile, 'utf8'))
    const expected = rows.map(({ name, only }) => [
      name,
      ...proxyKinds.map(kind => (only?.kinds.includes(kind) === false ? only.lacking : '✓')),
    ])
    expect(written).toEqual(expected)
    expect(versions.slice(1).every(version => /^(\d+\.\d+\.\d+|Node)$/.test(version))).toBe(true)
    expect(versions).toHaveLength(proxyKinds.length + 1)
  })

  it('says what did not run, and is none of a run that failed', () => {
    const version = () => '1.2.3'
    const skipped = rowsOf(matrixPage(rows, run('pending'), version))
    expect(skipped.slice(3).every(row => row.slice(1).every(cell => cell !== '✓'))).toBe(true)
    const unrun = rowsOf(matrixPage(rows, { testResults: [] }, version)).slice(3)
    expect(new Set(unrun.flatMap(row => row.slice(1)))).toEqual(new Set(['– (did not run)', 'no HTTP/2', 'no HTTP/3']))
    expect(() => matrixPage(rows, run('failed'), version)).toThrow(names[0])
  })
})
