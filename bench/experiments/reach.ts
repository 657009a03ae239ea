/** A large cluster's RBAC: read, indexed, and asked from both ends. */
import { stringify } from 'yaml'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { askerOf, subjectOf } from '../../rbac/reach/subject.ts'
import { reachDump, reachObjects } from '../reach-objects.ts'
import { alignedTable, type CaseReport } from '../report.ts'
import type { ExperimentContext } from './experiment.ts'

export async function runReach({ onProgress, sizes }: ExperimentContext): Promise<CaseReport> {
  const accounts = sizes?.at(-1) ?? 5_000
  const size = { accounts, bindings: accounts * 2, roles: Math.ceil(accounts * 0.6) }
  onProgress('making a cluster up')
  const dump = reachDump(size)
  const figures: Record<string, number> = { dumpMb: dump.length / 1024 / 1024 }
  function timed<Result>(name: string, work: () => Result): Result {
    onProgress(name)
    const began = performance.now()
    const result = work()
    figures[name] = performance.now() - began
    return result
  }
  const objects = timed('readJsonMs', () => read(dump))
  const grants = timed('indexMs', () => grantsOf(objects))
  timed('whoCanMs', () => grants.allowingAnybody({ verb: 'list', group: '', resource: 'secrets' }, 'anywhere'))
  timed('everyAccountMs', () => {
    for (const subject of grants.subjects)
      grants.allowing(askerOf(subjectOf(subject)), {
        verb: 'list',
        group: '',
        resource: 'secrets',
        namespace: 'team-1',
      })
  })
  timed('everyGrantMs', () => grants.subjects.reduce((sum, subject) => sum + grants.of(subject).length, 0))
  figures.rssMb = process.memoryUsage().rss / 1024 / 1024
  const manifests = [...reachObjects(size)].map(one => `---\n${stringify(one)}`).join('')
  figures.yamlLines = manifests.split('\n').length
  timed('readYamlMs', () => read(manifests))
  const rows = Object.entries(figures).map(([name, value]) => [name, value.toFixed(0)])
  const [of, bindings, roles] = Object.values(size).map(count => count.toLocaleString('en'))
  return {
    lines: [alignedTable([`${of} accounts, ${bindings} bindings, ${roles} roles`, ''], rows)],
    cases: { reach: figures },
  }
}

function read(text: string) {
  const reading = createReading()
  reading.addText(text, 'dump')
  return reading.finish()
}
