/** Machines as the primary of several workers tells of them: each worker has seen those that came to it. */
import type { Sightings } from '../admin/machine-sightings.ts'
import type { WorkerPool } from './pool.ts'

const answerMs = 10_000

/**
 * Rejects where one does not answer: a machine that it alone has seen would look unused.
 * @param merge of what all have seen
 */
export function createWorkersMachines(
  pool: Pick<WorkerPool, 'answering'>,
  merge: (all: readonly Sightings[]) => Sightings,
): () => Promise<Sightings> {
  return async () => {
    const all = await Promise.all(pool.answering().map(worker => worker.ask('machines', [], answerMs)))
    if (all.length === 0) throw new Error('no worker answers')
    return merge(all)
  }
}
