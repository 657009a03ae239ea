/** `npm run bench -- --profile <case>`: where the server process of a case spends its time. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startOneCase } from './cases.ts'
import { isServiceCase, loadCaseNames, type ServiceCaseName } from './catalogue.ts'
import { type CpuProfile, flameGraph, readFrames, selfTimes } from './flame-graph.ts'
import { type MeasureOptions, runCase } from './measure.ts'
import { alignedTable } from './report.ts'
import { createResources, endOnSignals, type Resources } from './resources.ts'
import { startRole } from './roles.ts'

/** Microseconds between two samples. */
const samplingUs = 250
const directory = 'profiles'
const shownFunctions = 25

export async function runProfile(
  name: string,
  options: Pick<MeasureOptions, 'connections'> & { readonly seconds: number },
): Promise<void> {
  const known = loadCaseNames.filter(isServiceCase).find(one => one === name)
  if (known === undefined) {
    console.error(`no service to profile: ${name}; there are ${loadCaseNames.filter(isServiceCase).join(', ')}`)
    process.exitCode = 2
    return
  }
  const resources = createResources()
  endOnSignals(resources)
  mkdirSync(directory, { recursive: true })
  const raw = join(directory, `.raw-${process.pid}`)
  resources.add(async () => rmSync(raw, { recursive: true, force: true }))
  try {
    await recordProfile(known, raw, options, resources)
    const [file] = readdirSync(raw).filter(one => one.endsWith('.cpuprofile'))
    if (file === undefined) throw new Error('the service wrote no profile')
    const kept = join(directory, `${name}.cpuprofile`)
    renameSync(join(raw, file), kept)
    print(name, kept)
  } finally {
    await resources.end()
  }
}

/** The profile is complete when this resolves. */
async function recordProfile(
  name: ServiceCaseName,
  raw: string,
  { seconds, connections }: { readonly seconds: number; readonly connections: number },
  resources: Resources,
): Promise<void> {
  const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${raw}`, `--cpu-prof-interval=${samplingUs}`]
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
