/** Process entry of a worker; nobody starts it but the primary. */
import { serveAsWorker } from './compose/worker.ts'

serveAsWorker()
