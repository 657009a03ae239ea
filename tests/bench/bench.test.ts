/** The bench must not be able to flatter: its arithmetic, what it says has moved, and what it takes for an answer. */
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserRequest, ownNumber } from '../../bench/browser-request.ts'
import { type CpuProfile, flameGraph, readFrames, selfTimes } from '../../bench/flame-graph.ts'
import { createLatencies } from '../../bench/latencies.ts'
import { type LoadJob, runJob } from '../../bench/load-generator.ts'
import { type BenchResult, comparisonWith, type StoredCase } from '../../bench/report.ts'
import { medianOf, summarise } from '../../bench/statistics.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('the arithmetic', () => {
  test.each([
    [[3, 1, 2], 2],
    [[1, 2, 3, 10], 2.5],
    [[7], 7],
  ])('the median of %j is %d', (values, median) => {
    expect(medianOf(values)).toBe(median)
  })

  test('one hiccup moves neither ratio nor quartiles far', () => {
    const { ratio, spread } = summarise([0.5, 0.5, 0.52, 0.48, 0.01])
    expect(ratio).toBe(0.5)
    expect(spread).toEqual([0.48, 0.5])
  })
})

describe('the comparison with the committed result', () => {
  const result = (ratio: number, spread: [number, number], machine = 'this one'): BenchResult => {
    const one: StoredCase = { ratio, spread, p50Ms: 1, p99Ms: 2 }
    return { machine, cases: { 'check-lmdb': one } }
  }

  test('calls a change beyond both spreads one', () => {
    const said = comparisonWith(result(0.5, [0.48, 0.52]), result(0.4, [0.39, 0.41]))
    expect(said).toEqual(['check-lmdb: 0.5 -> 0.4 (-20 %)'])
  })

  test('calls no change one that the spreads explain', () => {
    const said = comparisonWith(result(0.5, [0.4, 0.52]), result(0.45, [0.39, 0.47]))
    expect(said).toEqual(['nothing moved beyond the spread since the committed result'])
  })

  test('says when the committed result is of another machine, or missing', () => {
    expect(comparisonWith(result(0.5, [0.4, 0.6], 'that one'), result(0.5, [0.4, 0.6]))[0]).toContain('that one')
    expect(comparisonWith(undefined, result(0.5, [0.4, 0.6]))[0]).toContain('bench/result.json is missing')
  })
})

describe('latencies', () => {
  test('come back within a percent, however many there are', () => {
    const latencies = createLatencies()
    for (let at = 1; at <= 10_000; at += 1) latencies.record(at / 100)
    expect(latencies.count()).toBe(10_000)
    expect(latencies.at(0.5) / 50).toBeCloseTo(1, 1.9)
    expect(latencies.at(0.99) / 99).toBeCloseTo(1, 1.9)
    expect(latencies.longestMs()).toBe(100)
  })

  test('of nothing are not a number', () => {
    expect(createLatencies().at(0.5)).toBeNaN()
  })
})

describe('a flame graph', () => {
  const frame = (functionName: string) => ({ functionName, url: '', lineNumber: 0 })
  const profile: CpuProfile = {
    nodes: [
      { id: 1, callFrame: frame('(root)'), children: [2, 4] },
      { id: 2, callFrame: frame('outer'), children: [3] },
      { id: 3, callFrame: frame('<inner>') },
      { id: 4, callFrame: frame('(idle)') },
    ],
    samples: [2, 3, 4, 3],
    timeDeltas: [0, 100, 300, 5_000, 0],
  }

  test('adds up what ran, without idle time', () => {
    const root = readFrames(profile)
    expect(root.totalUs).toBe(400)
    expect(selfTimes(root).slice(0, 2)).toEqual([
      { label: '<inner>', selfUs: 300 },
      { label: 'outer', selfUs: 100 },
    ])
  })

  test('shows names as text, never as markup', () => {
    const page = flameGraph(readFrames(profile), '<b>')
    expect(page).not.toContain('<inner>')
    expect(page).toContain('&#60;inner&#62;')
  })
})

describe('the load generator', () => {
  let asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.url)
    if (request.url === '/chunked') {
      response.write('no length')
      return void response.end()
    }
    if (request.url === '/stalling') {
      response.writeHead(200, { 'Content-Length': '2' })
      stalls += 1
      return void setTimeout(() => response.end('ok'), stalls === 1 ? 300 : 0)
    }
    if (request.url === '/gone') return void request.socket.destroy()
    response.writeHead(request.url === '/denied' ? 403 : 200, { 'Content-Length': '2' })
    setTimeout(() => response.end('ok'), 5)
  })
  let stalls = 0
  let port: number
  const job = (target: string): LoadJob => {
    const request = browserRequest(target, { host: 'wiki.example.com', path: '/', cookie: 'a=b' })
    return { port, requests: [request], expectedStatus: 200, connections: 4, seconds: 0.2 }
  }

  beforeAll(async () => {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  test('counts answers and measures how long they take', async () => {
    const { requests, seconds, p50Ms, p99Ms } = await runJob(job('/'))
    // One for each connection at the least, however long the machine was busy with others.
    expect(requests).toBeGreaterThanOrEqual(4)
    expect(requests).toBeLessThanOrEqual((4 * seconds * 1_000) / 4)
    expect(p50Ms).toBeGreaterThanOrEqual(4)
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms)
  })

  test.each([
    ['another status', '/denied', 'expected 200, got: HTTP/1.1 403'],
    ['an answer without a length', '/chunked', 'no answer of a known length: HTTP/1.1 200'],
    ['a closed connection', '/gone', /closed|ECONNRESET/],
  ])('ends at %s, so that an error never counts as speed', async (_name, target, message) => {
    await expect(runJob(job(target))).rejects.toThrow(message)
  })

  test('takes requests in turn', async () => {
    const turns = [job('/'), job('/denied')].flatMap(({ requests }) => requests)
    await expect(runJob({ ...job('/'), requests: turns })).rejects.toThrow('expected 200, got: HTTP/1.1 403')
  })

  test('gives each request a number of its own where it is asked to, also from one run to the next', async () => {
    asked = []
    for (let run = 0; run < 2; run += 1) await runJob(job(`/${ownNumber}`))
    // A connection of the test before may still be answered.
    const numbers = asked.filter(target => /^\/\d{8}$/.test(target ?? ''))
    expect(numbers.length).toBeGreaterThan(10)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(asked.filter(target => target?.includes('#'))).toEqual([])
  })

  test('counts from when a request was due, so that a stall shows in all that should have been sent meanwhile', async () => {
    const due = { ...job('/stalling'), connections: 1, seconds: 0.5, ratePerSecond: 200 }
    const { requests, p50Ms, longestMs } = await runJob(due)
    expect(requests).toBe(100)
    expect(longestMs).toBeGreaterThan(250)
    // A closed loop would have seen one late answer; here half of them are late.
    expect(p50Ms).toBeGreaterThan(20)
  })

  test('sends twenty-one headers, each once', () => {
    const lines = job('/').requests.join('').split('\r\n').slice(1, -2)
    expect(new Set(lines.map(line => line.split(':')[0]?.toLowerCase())).size).toBe(21)
    expect(lines).toHaveLength(21)
  })
})

/** Seconds on two free cores. */
const patienceMs = 600_000

describe('the program', () => {
  const bench = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['dist/bench/main.js', ...args], {
      cwd: root,
      timeout: patienceMs,
    })

  test(
    'prints one object as its last line',
    async () => {
      const { stdout } = await bench('bare', '--rounds', '2', '--seconds', '0.1', '--warm-up', '0.1', '--json')
      const { machine, cases } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as BenchResult
      expect(machine).toContain(`Node ${process.versions.node}`)
      expect(cases.bare).toMatchObject({
        ratio: 1,
        spread: [1, 1],
        p50Ms: expect.any(Number),
        p99Ms: expect.any(Number),
      })
    },
    patienceMs,
  )

  test('refuses a case that it does not have, and says which there are', async () => {
    await expect(bench('check-everything')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('check-lmdb'),
    })
  })
})
