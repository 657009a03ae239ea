/** Where the admin listener of a running service is, for every command that asks it. */
import { readSettingAlone } from '../../config/load.ts'
import { formatPlace } from '../../config/problems.ts'
import { type ListenText, listenExpected, listenText, parseListen } from '../../config/schema/listen-place.ts'
import { findThere, readingOf } from '../load-config.ts'
import type { Terminal } from '../terminal.ts'
import type { AdminValues } from './option.ts'

export interface AdminPlace {
  /** `http://127.0.0.1:9181` or `unix:/run/sallyport/admin.sock`. */
  readonly url: string
  /** Who says so: `--admin`, the place of the setting, or the default. */
  readonly source: string
}

export const namedAdmin = (url: string): AdminPlace => ({ url, source: '--admin' })

const usual: AdminPlace = { url: 'http://127.0.0.1:9181', source: 'the default' }

/**
 * Of the configuration that one setting is read: whoever asks a service need not be able to read its secrets. Throws where the
 * configuration cannot be read: another service than the one that is meant would answer.
 */
export function adminPlace({ admin, config }: AdminValues, terminal: Terminal): AdminPlace {
  if (admin !== undefined) return namedAdmin(admin)
  const read = readSettingAlone(readingOf(findThere(config, terminal), terminal), ['admin', 'listen'])
  if (read === undefined) return usual
  const source = `admin.listen, ${formatPlace(read.place)}`
  return { url: urlOf(parsed(read.value, source), source), source }
}

function parsed(value: unknown, source: string): ListenText {
  try {
    return parseListen(String(value))
  } catch {
    throw new Error(`${source}: expected ${listenExpected}`)
  }
}

function urlOf(listen: ListenText, source: string): string {
  if ('socket' in listen) return listenText(listen)
  if (listen.port === 0) throw new Error(`${source}: with port 0 nobody knows the port; say it with --admin`)
  const isAnyAddress = listen.host === '0.0.0.0' || listen.host === '::'
  return `http://${listenText(isAnyAddress ? { ...listen, host: '127.0.0.1' } : listen)}`
}
