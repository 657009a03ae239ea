/** What Node does not tell of a certificate (RFC 5280 section 4.2): what its key is for, and what it asks of its reader. */
import {
  Boolean as Asn1Boolean,
  type BaseBlock,
  BitString,
  Constructed,
  fromBER,
  ObjectIdentifier,
  OctetString,
} from 'asn1js'

export interface Extensions {
  /** The first eight bits (section 4.2.1.3); `undefined` where it does not say. */
  readonly keyUsage: number | undefined
  /** Object identifiers of all of them. */
  readonly all: readonly string[]
  /** Those that whoever cannot read them must not pass over. */
  readonly critical: readonly string[]
  /** What the certificate is signed with. */
  readonly signatureAlgorithm: SignatureAlgorithm
}

/** Object identifiers. The digests are `undefined` where parameters do not name them. */
export interface SignatureAlgorithm {
  readonly id: string
  /** Of RSASSA-PSS. */
  readonly digest: string | undefined
  /** Of its mask. */
  readonly maskDigest: string | undefined
}

/** Object identifiers. */
export const known = {
  keyUsage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  extendedKeyUsage: '2.5.29.37',
  rsassaPss: '1.2.840.113549.1.1.10',
} as const

/** Of a certificate that OpenSSL has read. Throws `Error` for another form. */
export function extensionsOf(der: Buffer): Extensions {
  const [body, algorithm] = itemsOf(parse(der))
  const list = itemsOf(body).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === 3)
  const extensions = list === undefined ? [] : itemsOf(itemsOf(list)[0]).map(readExtension)
  const usage = extensions.find(({ id }) => id === known.keyUsage)
  const ids = extensions.map(({ id }) => id)
  if (new Set(ids).size !== ids.length) throw new Error('an extension stands twice in it')
  return {
    keyUsage: usage === undefined ? undefined : firstBits(parse(usage.value)),
    all: ids,
    critical: extensions.flatMap(({ id, isCritical }) => (isCritical ? [id] : [])),
    signatureAlgorithm: readAlgorithm(algorithm),
  }
}

function parse(der: Uint8Array): BaseBlock {
  const { offset, result } = fromBER(der)
  if (offset !== der.byteLength) throw new Error('it is not in one piece')
  return result
}

function itemsOf(block: BaseBlock | undefined): readonly BaseBlock[] {
  if (!(block instanceof Constructed)) throw new Error('it has another form')
  return block.valueBlock.value
}

function idIn(block: BaseBlock | undefined): string {
  if (!(block instanceof ObjectIdentifier)) throw new Error('it has another form')
  return block.valueBlock.toString()
}

/** Of the parameters those that RSASSA-PSS has (RFC 4055 section 3.1). */
function readAlgorithm(block: BaseBlock | undefined): SignatureAlgorithm {
  const [name, parameters] = itemsOf(block)
  const id = idIn(name)
  if (id !== known.rsassaPss || parameters === undefined) return { id, digest: undefined, maskDigest: undefined }
  const [digest, mask] = [0, 1].map(number => tagged(parameters, number))
  return {
    id,
    digest: digest && idIn(itemsOf(digest)[0]),
    maskDigest: mask && idIn(itemsOf(itemsOf(mask)[1])[0]),
  }
}

/** What stands behind the tag of this number. */
function tagged(block: BaseBlock, number: number): BaseBlock | undefined {
  const found = itemsOf(block).find(({ idBlock }) => idBlock.tagClass === 3 && idBlock.tagNumber === number)
  return found && itemsOf(found)[0]
}

function readExtension(block: BaseBlock) {
  const [id, ...rest] = itemsOf(block)
  const value = rest.at(-1)
  const [flag] = rest.length > 1 ? rest : []
  if (!(value instanceof OctetString)) throw new Error('it has another form')
  const isCritical = flag instanceof Asn1Boolean && flag.getValue()
  return { id: idIn(id), isCritical, value: new Uint8Array(value.getValue()) }
}

function firstBits(block: BaseBlock): number {
  if (!(block instanceof BitString)) throw new Error('it has another form')
  return block.valueBlock.valueHexView[0] ?? 0
}
