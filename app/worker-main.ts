/** Process entry of a worker; nobody starts it but the primary. */
import { packedModule } from './packed.ts'

const packed = packedModule('worker')
const { serveAsWorker } =
  packed === undefined
    ? await import('./compose/worker.ts')
    : ((await import(packed)) as typeof import('./compose/worker.ts'))

serveAsWorker()
