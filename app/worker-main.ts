/** Process entry of a worker; nobody starts it but the primary. */
import { packedModule, runPacked } from './packed.ts'

type WorkerModule = typeof import('./compose/worker.ts')

const packed = packedModule('worker')
const { serveAsWorker } = packed === undefined ? await import('./compose/worker.ts') : runPacked<WorkerModule>(packed)

serveAsWorker()
