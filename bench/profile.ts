/** `npm run bench -- --profile <case>`: where the server process of a case spends its time. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startOneCase } from './cases.ts'
import { isServiceCase, loadCaseNames, type ServiceCaseName } from './catalogue.ts'
import { recordGateway } from './experiments/gateway.ts'
import { recordGrpc } from './experiments/grpc.ts'
import { type CpuProfile, flameGraph, readFrames, selfTimes } from './flame-graph.ts'
import { gatewayCases } from './gateway/gateway-report.ts'
import { type MeasureOptions, runCase } from './measure.ts'
import { alignedTable } from './report.ts'
import { createResources, endOnSignals, type Resources } from './resources.ts'
import { startRole } from './roles.ts'

/** Microseconds between two samples. */
const samplingUs = 250
const directory = 'profiles'
const shownFunctions = 25
/** Checks over gRPC, as the experiment of that name asks them. */
const grpc = 'grpc'

export async function runProfile(
  name: string,
  options: Pick<MeasureOptions, 'connections'> & { readonly seconds: number },
): Promise<void> {
  const record = recorderOf(name)
  if (record === undefined) {
    const names = [...loadCaseNames.filter(isServiceCase), ...gatewayCases.map(one => one.name), grpc]
    console.error(`no service to profile: ${name}; there are ${names.join(', ')}`)
    process.exitCode = 2
    return
  }
  const resources = createResources()
  endOnSignals(resources)
  mkdirSync(directory, { recursive: true })
  const raw = join(directory, `.raw-${process.pid}`)
  resources.add(async () => rmSync(raw, { recursive: true, force: true }))
  try {
    const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${raw}`, `--cpu-prof-interval=${samplingUs}`]
    await record({ ...options, nodeOptions }, resources)
    const [file] = readdirSync(raw).filter(one => one.endsWith('.cpuprofile'))
    if (file === undefined) throw new Error('the service wrote no profile')
    const kept = join(directory, `${name}.cpuprofile`)
    renameSync(join(raw, file), kept)
    print(name, kept)
  } finally {
    await resources.end()
  }
}

interface RecordOptions {
  readonly nodeOptions: readonly string[]
  readonly seconds: number
  readonly connections: number
}

/** The profile is complete when it resolves. */
type Recorder = (options: RecordOptions, resources: Resources) => Promise<void>

function recorderOf(name: string): Recorder | undefined {
  const ofGateway = gatewayCases.find(one => one.name === name)
  if (ofGateway !== undefined) return (options, resources) => recordGateway(ofGateway, { ...options, resources })
  if (name === grpc) return (options, resources) => recordGrpc({ ...options, resources })
  const ofService = loadCaseNames.filter(isServiceCase).find(one => one === name)
  return ofService === undefined ? undefined : (options, resources) => recordService(ofService, options, resources)
}

async function recordService(name: ServiceCaseName, options: RecordOptions, resources: Resources): Promise<void> {
  const { nodeOptions, seconds, connections } = options
  const { service, one } = await startOneCase(name, { nodeOptions }, resources)
  const { child: load } = await startRole('load', [], resources)
  process.stderr.write(`profiling ${name} for ${seconds} s\n`)
  await runCase(one, load, { connections, seconds })
  await service.stop()
}

function print(name: string, file: string): void {
  const profile: CpuProfile = JSON.parse(readFileSync(file, 'utf8'))
  const root = readFrames(profile)
  const page = join(directory, `${name}.html`)
  writeFileSync(page, flameGraph(root, `${name}, ${process.version}`))
  const busyUs = root.totalUs
  const rows = selfTimes(root)
    .slice(0, shownFunctions)
    .map(({ label, selfUs }) => [label, ((selfUs / busyUs) * 100).toFixed(1), (selfUs / 1_000).toFixed(0)])
  console.log(alignedTable(['function', 'self %', 'self ms'], rows))
  console.log(`\nflame graph: ${page}\nfor other viewers (Chrome, VS Code, speedscope): ${file}`)
}
