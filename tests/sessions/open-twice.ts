/** A backend for the tests of a `describe`: opened here and, as another process or replica would, elsewhere. */
import { afterAll, beforeAll } from 'vitest'
import type { RecordStore } from '../../app/sessions/record-store.ts'
import type { Backend } from './contract.ts'

interface Opened {
  readonly backend: Backend
  readonly here: RecordStore
  readonly there: RecordStore
}

/** `keep` gets it before the first test; everything is closed and removed after the last, also when opening failed. */
export function openTwice(start: () => Promise<Backend>, keep: (opened: Opened) => void): void {
  let backend: Backend | undefined
  let here: RecordStore | undefined
  let there: RecordStore | undefined
  beforeAll(async () => {
    backend = await start()
    here = await backend.open()
    there = await backend.openElsewhere()
    keep({ backend, here, there })
  })
  afterAll(async () => {
    await here?.close()
    await there?.close()
    await backend?.remove()
  })
}
