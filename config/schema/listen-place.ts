/** Where a listener is: an address and a port, or the file of a Unix socket. */
import { isAbsolute, normalize } from 'node:path'
import { parsed, setting } from './setting.ts'
import { type ListenAddress, parseListenAddress } from './values.ts'

/** The file of a Unix socket, as it is written: `unix:/run/sallyport/check.sock`. */
export interface SocketAddress {
  readonly socket: string
}

export type ListenText = ListenAddress | SocketAddress

/** Who may open the file of a socket. */
export interface SocketRights {
  /** Permission bits. */
  readonly mode: number
  /** `user`, `user:group` or `:group`, each by name or number. Absent: whoever runs the process. */
  readonly owner?: string
  /** Where the workers of a primary listen, which makes the file. No configuration has it. */
  readonly staged?: string
}

/** Where a listener is, with all that its making needs. */
export type ListenPlace = ListenAddress | (SocketAddress & SocketRights)

export const listenExpected = 'host:port, such as 127.0.0.1:9180 or [::1]:9180, or unix: and the whole path of a socket'

/** The kernel takes 107 bytes; the file is made beside its place, under a longer name. */
const longestSocketPath = 90

/** `127.0.0.1:9180`, or `unix:/run/sallyport/check.sock`. */
export function parseListen(text: string): ListenText {
  if (!text.startsWith('unix:')) return parseListenAddress(text)
  const socket = text.slice('unix:'.length)
  if (!isAbsolute(socket))
    throw new RangeError('behind unix: stands a whole path, such as unix:/run/sallyport/check.sock')
  // A path that every proxy can be given as it is.
  if (!/^[A-Za-z0-9._/-]+$/.test(socket) || normalize(socket) !== socket || socket.endsWith('/'))
    throw new RangeError('the path may hold letters, digits, dots, dashes, underscores and single slashes only')
  if (socket.length > longestSocketPath)
    throw new RangeError(`the path of a socket has at most ${longestSocketPath} characters`)
  return { socket }
}

/** Three octal digits of permissions, which nobody can execute. */
export function parseSocketMode(text: string): number {
  if (!/^0?[0-6]{3}$/.test(text) || [...text.slice(-3)].some(digit => !'0246'.includes(digit)))
    throw new RangeError('it has to be three octal digits of 0, 2, 4 and 6, in quotes')
  return Number.parseInt(text, 8)
}

export function parseSocketOwner(text: string): string {
  const [, user = '', group] =
    /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,31}))?$/.exec(text) ?? []
  if (user === '' && group === undefined) throw new RangeError('it has to be a user, user:group, or :group')
  return text
}

/** The settings beside `listen`. `mode`: the default. */
export const socketSettings = (mode: '0660' | '0600') => ({
  socketMode: setting(parsed(parseSocketMode).prefault(mode), {
    description:
      'Permissions of the file, where `listen` is a Unix socket: nothing else decides who may connect. Whoever may write to it may ask.',
    expected: 'three octal digits in quotes, such as "0660"',
  }),
  socketOwner: setting(parsed(parseSocketOwner).exactOptional(), {
    description:
      'Owner of the file, where `listen` is a Unix socket; a group that the service is a member of needs no rights of root. Default: whoever runs the service.',
    expected: 'user, user:group or :group, by name or number',
    example: ':www-data',
  }),
})

/** For sections of the schema that have {@link socketSettings}. */
export interface ParsedListener {
  readonly listen: ListenText
  readonly socketMode: number
  readonly socketOwner?: string
}

export function toListenPlace({ listen, socketMode, socketOwner }: ParsedListener): ListenPlace {
  if (!('socket' in listen)) return listen
  return { ...listen, mode: socketMode, ...(socketOwner === undefined ? {} : { owner: socketOwner }) }
}

/** As it is written in the configuration. */
export function listenText(place: ListenText): string {
  if ('socket' in place) return `unix:${place.socket}`
  return `${place.host.includes(':') ? `[${place.host}]` : place.host}:${place.port}`
}

export const parsedListen = (fallback: string) => parsed(parseListen).prefault(fallback)
