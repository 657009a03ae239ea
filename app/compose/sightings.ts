/** Composition of what is known of machines that came. */
import { createMachineSightings } from '../admin/machine-sightings.ts'
import { subjectName } from '../audit/access-event.ts'
import type { Clock } from '../clock.ts'
import type { Base } from './kept.ts'

/** Whoever comes with something else than a session is noted as the event of his request is written. */
export function composeSightings({ now }: Clock, { hasRoom, writeAccess }: Base['auditFile']) {
  const { note, list } = createMachineSightings({ now, nameOf: subjectName })
  const audit: Base['auditFile'] = {
    hasRoom,
    writeAccess: access => {
      note(access)
      writeAccess(access)
    },
  }
  return { audit, list }
}
