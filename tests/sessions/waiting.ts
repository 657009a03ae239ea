/** Waiting for something to become true, within bounds. */
import { setTimeout as delay } from 'node:timers/promises'
import type { RecordStore } from '../../app/sessions/record-store.ts'

export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('it did not happen within a minute')
    await delay(10)
  }
}

export async function untilVerified(records: RecordStore): Promise<void> {
  await until(() =>
    records.probe().then(
      () => true,
      () => false,
    ),
  )
}
