/** A large cluster's RBAC: read, indexed, and asked from both ends. */
import { stringify } from 'yaml'
import { grantsOf } from '../../rbac/reach/grants.ts'
import { createReading } from '../../rbac/reach/reading/reading.ts'
import { askerOf, subjectOf } from '../../rbac/reach/subject.ts'
import { reachDump, reachObjects } from '../reach-objects.ts'
import { alignedTable, type CaseReport } from '../report.ts'
import type { ExperimentContext } from './experiment.ts'

const size = { accounts: 5_000, bindings: 10_000, roles: 3_000 }

export async function runReach({ onProgress }: ExperimentContext): Promise<CaseReport> {
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
  return {
    lines: [alignedTable(['5,000 accounts, 10,000 bindings, 3,000 roles', ''], rows)],
    cases: { reach: figures },
  }
}

function read(text: string) {
  const reading = createReading()
  reading.addText(text, 'dump')
  return reading.finish()
}
