/**
 * Reads single headers from Node's `rawHeaders`, where a repeated header is still seen as two.
 *
 * `IncomingMessage.headers` joins or drops repeats; for a header that decides who gets in, a repeat is an attack.
 */
import { OperationalError } from '../errors.ts'

/** All values of a header, in order. `name` is in lower case. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name)
      values.push(rawHeaders[index + 1] as string)
  }
  return values
}

/** The first value of a header, for facts that decide nothing by themselves. */
export function firstHeader(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) return rawHeaders[index + 1]
  }
  return undefined
}

/** The one value of a header that the dialect requires. Missing, repeated or empty is a malformed subrequest. */
export function requiredHeader(rawHeaders: readonly string[], name: string): string {
  const values = headerValues(rawHeaders, name)
  const [value] = values
  if (value === undefined || value === '') throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is missing`)
  if (values.length > 1) throw new OperationalError('ERR_REQUEST_MALFORMED', `${name} is repeated`)
  return value
}

/**
 * A client could name our headers in `Connection`, so that a proxy drops what it has just written (RFC 9110 section
 * 7.6.1 asks it to). A subrequest that still carries such a list is refused.
 */
export function refuseConnectionTricks(rawHeaders: readonly string[], isOurs: (name: string) => boolean): void {
  for (const value of headerValues(rawHeaders, 'connection')) {
    for (const token of value.split(',')) {
      if (isOurs(token.trim().toLowerCase())) {
        throw new OperationalError('ERR_REQUEST_MALFORMED', 'connection names a header of the subrequest')
      }
    }
  }
}

/** Headers such as `X_Forwarded_Host`: some servers read them as their dashed twin. We never do; we count them. */
export function countAliases(rawHeaders: readonly string[]): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (/^(x_|remote_|forwarded_)|^x-.*_/i.test(rawHeaders[index] as string)) count += 1
  }
  return count
}
