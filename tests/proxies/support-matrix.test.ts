/** The page of what holds behind which proxy has each scenario of the table and each proxy, and is made of a run alone. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { proxyKinds } from '../../cli/demo/proxies/proxies.ts'
import { scenarios } from './scenarios.ts'
import { matrixFile, matrixPage, type RunResult, writeMatrix } from './support-matrix.ts'

const names = scenarios.map(({ name }) => name)
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
  if (resultFile !== undefined) it('is written from a run', () => writeMatrix(names, resultFile))

  it('has the scenarios of the table, each behind every proxy, and the versions that ran', () => {
    const [, , versions = [], ...rows] = rowsOf(readFileSync(matrixFile, 'utf8'))
    expect(rows.map(([name]) => name)).toEqual(names)
    for (const row of rows) expect(row.slice(1)).toEqual(proxyKinds.map(() => '✓'))
    expect(versions.slice(1).every(version => /^(\d+\.\d+\.\d+|Node)$/.test(version))).toBe(true)
    expect(versions).toHaveLength(proxyKinds.length + 1)
  })

  it('says what did not run, and is none of a run that failed', () => {
    const version = () => '1.2.3'
    const skipped = rowsOf(matrixPage(names, run('pending'), version))
    expect(skipped.slice(3).every(row => row.slice(1).every(cell => cell !== '✓'))).toBe(true)
    expect(
      rowsOf(matrixPage(names, { testResults: [] }, version))
        .at(-1)
        ?.at(-1),
    ).toContain('did not run')
    expect(() => matrixPage(names, run('failed'), version)).toThrow(names[0])
  })
})
