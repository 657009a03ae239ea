/** The texts of the command line, each read strictly: what gets through here means nothing in any proxy's language. */
import { isAbsolute } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { isTooWide } from '../../config/checks/enforce-secure.ts'
import { parseListen } from '../../config/schema/listen-place.ts'
import { parseAddressRange, parseHost, parseListenAddress } from '../../config/schema/values.ts'
import type { Address, NamedHost, OwnAddress } from './question.ts'

/** Throws what commander shows beside the option's name. */
function reading<T>(parse: (text: string) => T): (text: string) => T {
  return text => {
    try {
      return parse(text)
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : 'it cannot be read.')
    }
  }
}

/** An option that may come several times. */
export const each =
  <T>(read: (text: string) => T) =>
  (text: string, before: readonly T[] | undefined): readonly T[] => [...(before ?? []), read(text)]

function parseAddress(text: string): Address {
  const address = parseListenAddress(text)
  if (address.port === 0) throw new RangeError('port 0 is nobody')
  return { ...address, host: address.host.toLowerCase() }
}

export const readAddress = reading(parseAddress)

/** Where Sallyport is. */
export const readOwnAddress = reading((text): OwnAddress => {
  const place = parseListen(text)
  return 'socket' in place ? place : parseAddress(text)
})

/** An address that nobody but this machine reaches. */
export const readLoopback = reading(text => {
  const address = parseAddress(text)
  if (!/^127\.|^::1$/.test(address.host)) throw new RangeError('it has to be an address of 127.0.0.0/8 or [::1]')
  return address
})

/** `app.example.com` or `app.example.com=127.0.0.1:8080`. */
export const readHost = reading((text): NamedHost => {
  const equals = text.indexOf('=')
  if (equals < 0) return { host: parseHost(text) }
  return { host: parseHost(text.slice(0, equals)), upstream: parseAddress(text.slice(equals + 1)) }
})

export const readRange = reading(text => {
  const range = parseAddressRange(text)
  if (isTooWide(range))
    throw new RangeError(
      "these are far more than anybody's own balancers, and each would say where a request came from",
    )
  return range
})

/** `443` or `127.0.0.1:443`. */
export const readListen = reading((text): { readonly host?: string; readonly port: number } => {
  if (!/^\d{1,5}$/.test(text)) return parseAddress(text)
  return { port: parseAddress(`localhost:${text}`).port }
})

/** The path of a file or a folder on the proxy's machine. */
export const readPath = reading(text => {
  if (!isAbsolute(text)) throw new RangeError('it has to be a whole path, because the proxy runs elsewhere')
  if (!/^\/[A-Za-z0-9._/-]{0,254}$/.test(text) || /(?:^|\/)\.\.(?:\/|$)/.test(text))
    throw new RangeError('it may hold letters, digits, dots, dashes, underscores and slashes only')
  return text.length > 1 ? text.replace(/\/+$/, '') : text
})
