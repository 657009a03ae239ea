/** The LMDB store in a process of its own, driven over IPC by remote-lmdb.ts. */
import { createLmdbRecords } from '../../app/sessions/lmdb/lmdb-records.ts'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { RemoteAnswer, RemoteCall } from './remote-lmdb.ts'

let now = 0
let store: RecordStore | undefined

process.on('message', async (call: RemoteCall) => {
  now = call.now
  process.send?.(await answer(call))
})

async function answer({ id, method, args }: RemoteCall): Promise<RemoteAnswer> {
  try {
    if (method === 'open') {
      store = createLmdbRecords({ path: String(args[0]), clock: { now: () => now } })
      return { id, value: undefined }
    }
    if (store === undefined) throw new Error('not open')
    const operation = store[method] as (...values: unknown[]) => Promise<unknown>
    return { id, value: await operation(...args) }
  } catch (error) {
    const { name, message, code } = error as Error & { code?: string }
    return { id, error: { name, message, ...(code === undefined ? {} : { code }) } }
  }
}
