/**
 * E-mail address as a claim: a dot-atom addr-spec (RFC 5322 section 3.4.1) in ASCII, domain in lower case.
 *
 * Rules compare the text after the `@`; an address that two readers split differently would be in two domains at once.
 * So there is exactly one `@`, no quoted local part, no literal, no trailing dot, and nothing is trimmed or folded.
 */

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const addrSpec = new RegExp(`^(${atom}(?:\\.${atom})*)@(${label}(?:\\.${label})+)$`)

/** `undefined` for anything that is not exactly one address. */
export function parseEmail(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > 254) return undefined
  const [, local, domain] = addrSpec.exec(value) ?? []
  if (local === undefined || domain === undefined || local.length > 64) return undefined
  return `${local}@${domain.toLowerCase()}`
}
