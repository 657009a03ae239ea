/**
 * `npm run fuzz -- <proxy>|all [--count 200000] [--seed N] [--case N] [--json]`: requests that nobody would send, through a
 * real proxy. Whatever reached the application was judged, and judged as what the application saw. Ends with 1 if not.
 */
import { parseArgs } from 'node:util'
import { isOnPath } from '../../cli/demo/executables.ts'
import { type ProxyKind, programOf, proxyKinds } from '../../cli/demo/proxies/proxies.ts'
import { fuzzProxy } from './fuzz-proxy.ts'
import { printSummary } from './summary.ts'

const usage = `usage: npm run fuzz -- <${proxyKinds.join('|')}|all> [--count 200000] [--seed N] [--case N] [--files DIR] [--json]\n`

const readOptions = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      count: { type: 'string', default: '200000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      case: { type: 'string' },
      files: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })

async function main(): Promise<number> {
  const read = readable(readOptions)
  if (read === undefined) return usageError()
  const { values, positionals } = read
  const numbers = [values.count, values.seed, values.case ?? '0'].map(Number)
  const kinds = positionals.flatMap(name => (name === 'all' ? proxyKinds : proxyKinds.filter(kind => kind === name)))
  const isNumber = numbers.every(number => Number.isSafeInteger(number) && number >= 0)
  // No case at all would be a run without a finding.
  if (kinds.length === 0 || kinds.length < positionals.length || !isNumber || numbers[0] === 0) return usageError()
  const stopping = new AbortController()
  process.once('SIGINT', () => stopping.abort())
  let isClean = true
  for (const kind of kinds.filter(isHere)) {
    const [count = 0, seed = 0, only = 0] = numbers
    const which = values.case === undefined ? { first: 0, count } : { first: only, count: 1 }
    const options = {
      ...which,
      seed,
      signal: stopping.signal,
      onProgress,
      ...(values.files !== undefined && { proxyFiles: values.files }),
    }
    const summary = await fuzzProxy(kind, options)
    printSummary(summary, values.json)
    isClean &&= summary.findings.length === 0
    if (stopping.signal.aborted) break
  }
  return isClean ? 0 : 1
}

function usageError(): number {
  process.stderr.write(usage)
  return 2
}

/** 1 is for findings: an option that nobody knows is none. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`)
    return undefined
  }
}

function isHere(kind: ProxyKind): boolean {
  if (kind === 'built-in' || isOnPath(programOf(kind))) return true
  process.stderr.write(`${kind} left out: ${programOf(kind)} is not on the PATH\n`)
  return false
}

function onProgress(text: string): void {
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
}

process.exitCode = await main()
