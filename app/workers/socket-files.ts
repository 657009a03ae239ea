/**
 * Files of sockets on which workers listen: it is the primary that binds them, when the first worker asks, and again when
 * all have ended and a new one asks. So it makes their room before a worker starts, and puts them in their place then.
 */
import cluster from 'node:cluster'

interface Files {
  readonly prepare: () => void
  /** Throws. */
  readonly publish: () => void
}

/** @returns ends it */
export function followWorkers(files: Files, onError: (error: unknown) => void): () => void {
  const trying = (act: () => void) => () => {
    try {
      act()
    } catch (error) {
      onError(error)
    }
  }
  const prepare = trying(files.prepare)
  const publish = trying(files.publish)
  cluster.on('fork', prepare)
  cluster.on('listening', publish)
  return () => {
    cluster.off('fork', prepare)
    cluster.off('listening', publish)
  }
}
