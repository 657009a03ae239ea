/** Unix sockets on which the service listens: whether their files can be made, or are there and answer. */
import { accessSync, constants } from 'node:fs'
import { dirname } from 'node:path'
import { OperationalError } from '../../../app/errors.ts'
import { lookAtSocket } from '../../../app/listener/socket-file.ts'
import type { Config } from '../../../config/config.ts'
import { type Check, failed, passed } from './check.ts'

const name = 'socket-file'

export function socketChecks({ server, admin, envoy }: Config): readonly Check[] {
  const listeners = { server, admin, envoy }
  return Object.entries(listeners).flatMap(([section, listener]) => {
    if (listener === undefined || !('socket' in listener.listen)) return []
    const place = listener.listen
    return [{ name, title: `${section}.listen can be opened`, run: async () => judge(place) }]
  })
}

async function judge(place: Parameters<typeof lookAtSocket>[0]) {
  try {
    const state = await lookAtSocket(place)
    if (state === 'live') return passed(`a process listens on ${place.socket}`)
    accessSync(dirname(place.socket), constants.W_OK)
    return passed(state === 'free' ? 'nothing is there yet' : 'what a dead process left is replaced at the start')
  } catch (error) {
    const why = error instanceof OperationalError ? error.message : `${dirname(place.socket)} cannot be written to`
    return failed(
      why,
      'make a folder that the user of the service owns, as RuntimeDirectory= of systemd does (docs/sockets.md)',
    )
  }
}
