/**
 * The picture of an operator's own: an SVG that can be looked at and does nothing.
 *
 * As a browser shows it in an `img` a picture runs no script and fetches nothing. Threat: whoever opens it as a page of the auth
 * host, where it is markup. So a small part of XML is read, strictly, and nothing stands but what draws. What is served is what
 * was read: any XML parser sees the same in it, as there is no document type, no other encoding and no name of another vocabulary.
 */

const mostLogo = 32 * 1024

export const logoExpected = `an SVG of at most ${mostLogo / 1024} KB without scripts`

const svgNamespace = 'http://www.w3.org/2000/svg'
const xlinkNamespace = 'http://www.w3.org/1999/xlink'

/** SVG 2 and Filter Effects 1, without links, scripts, animations (they change an address later) and what is of HTML. */
const drawing = new Set(
  (
    'svg g defs symbol use switch title desc style path rect circle ellipse line polyline polygon text tspan textPath image ' +
    'linearGradient radialGradient stop clipPath mask pattern marker filter feBlend feColorMatrix feComponentTransfer ' +
    'feComposite feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB ' +
    'feFuncG feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight ' +
    'feTile feTurbulence'
  ).split(' '),
)

const prefixed: ReadonlySet<string> = new Set(['xlink:href', 'xml:space', 'xml:lang'])

/** How a picture within begins (magic bytes), by the type that its address names. */
const pictures: Readonly<Record<string, string>> = {
  png: '\x89PNG\r\n',
  jpeg: '\xff\xd8\xff',
  gif: 'GIF8',
  webp: 'RIFF',
}

export function parseLogo(text: string): string {
  const logo = text.replace(/^\ufeff/, '').trim()
  if (Buffer.byteLength(logo) > mostLogo) throw new RangeError(`it has more than ${mostLogo / 1024} KB`)
  if (!/^(?:<\?xml|<!--|<svg)/.test(logo)) {
    throw new RangeError(
      'it is no SVG: it has to begin with <svg (a PNG goes into one, as <image href="data:image/png;base64,…">)',
    )
  }
  if (/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(logo))
    throw new RangeError('it holds a control character')
  requireDrawing(logo)
  return logo
}

const declaration =
  /^<\?xml\s+version=(["'])1\.\d\1(?:\s+encoding=(["'])utf-8\2)?(?:\s+standalone=(["'])(?:yes|no)\3)?\s*\?>/i
const name = '[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?'
const value = `"[^<"]*"|'[^<']*'`
/** What stands between two places of a document; each alternative begins in a way of its own, so none is tried twice. */
const piece = new RegExp(
  `<!--(?:[^-]|-[^-])*-->|<!\\[CDATA\\[([\\s\\S]*?)\\]\\]>|</(${name})\\s*>|<(${name})((?:\\s+${name}\\s*=\\s*(?:${value}))*)\\s*(/?)>|([^<]+)`,
  'y',
)
const attribute = new RegExp(`(${name})\\s*=\\s*(${value})`, 'g')

interface Reading {
  /** Elements that stand open, the innermost last. */
  readonly open: string[]
  hasRoot: boolean
  /** Of a style sheet; comments and CDATA may stand in the middle of a word of it. */
  style: string
}

function requireDrawing(logo: string): void {
  const reading: Reading = { open: [], hasRoot: false, style: '' }
  piece.lastIndex = declaration.exec(logo)?.[0].length ?? 0
  while (piece.lastIndex < logo.length) {
    const start = piece.lastIndex
    const found = piece.exec(logo)
    if (found === null) {
      const place = JSON.stringify(logo.slice(start, start + 40))
      throw new RangeError(`it is no well-formed XML, or has a document type or an instruction, at ${place}`)
    }
    const [, literal, closed, opened, attributes = '', isEmpty, text] = found
    if (closed !== undefined) end(closed, reading)
    else if (opened !== undefined) begin(opened, attributesOf(attributes), isEmpty !== '', reading)
    else if (literal !== undefined || text !== undefined) take(literal ?? decoded(text ?? ''), reading)
  }
  if (reading.open.length > 0 || !reading.hasRoot) throw new RangeError('it is no SVG: it has to end with </svg>')
  if (/\sxlink:/.test(logo) && !/\sxmlns:xlink\s*=/.test(logo)) throw new RangeError('it does not say what xlink: is')
}

function begin(element: string, attributes: ReadonlyMap<string, string>, isEmpty: boolean, reading: Reading): void {
  const { open, hasRoot } = reading
  if (open.length === 0 && (hasRoot || element !== 'svg')) throw new RangeError('it is no SVG: it has to be one <svg>')
  if (open.at(-1) === 'style') throw new RangeError(`<${element}> stands in a style sheet`)
  requireElement(element, attributes, !hasRoot)
  reading.hasRoot = true
  if (!isEmpty) open.push(element)
}

function end(element: string, reading: Reading): void {
  if (element !== reading.open.pop()) throw new RangeError(`</${element}> ends what does not stand open`)
  requireStyle(reading.style)
  reading.style = ''
}

function take(text: string, reading: Reading): void {
  const within = reading.open.at(-1)
  if (within === undefined && text.trim() !== '') throw new RangeError('text stands outside of <svg>')
  if (within === 'style') reading.style += text
}

function attributesOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [, key = '', quoted = ''] of text.matchAll(attribute)) {
    if (found.has(key)) throw new RangeError(`an element has ${key} twice`)
    found.set(key, decoded(quoted.slice(1, -1)))
  }
  return found
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Threat: what is written as `java&#115;cript:`. */
function decoded(text: string): string {
  if (text.includes(']]>')) throw new RangeError('it holds ]]> outside of CDATA')
  return text.replace(
    /&(?:(\w+)|#(\d{1,7})|#x([\da-f]{1,6}));|&/gi,
    (found, known: string, decimal: string, hex: string) => {
      const own = known === undefined ? undefined : entities[known]
      if (own !== undefined) return own
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      if (code >= 0x20 ? code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) : ![9, 10, 13].includes(code)) {
        throw new RangeError(`it holds ${found}, which stands for nothing`)
      }
      if (Number.isNaN(code)) throw new RangeError(`it holds ${found}, which stands for nothing`)
      return String.fromCodePoint(code)
    },
  )
}

function requireElement(element: string, attributes: ReadonlyMap<string, string>, isRoot: boolean): void {
  if (!drawing.has(element)) {
    throw new RangeError(
      `it holds <${element}>: a script, a link, a page within, an animation, or what an editor adds (save it as plain SVG)`,
    )
  }
  if (isRoot && attributes.get('xmlns') !== svgNamespace) {
    throw new RangeError(`its <svg> has to have xmlns="${svgNamespace}", or no browser shows it`)
  }
  for (const [key, text] of attributes) requireAttribute(element, key, text)
}

function requireAttribute(element: string, key: string, text: string): void {
  if (key === 'xmlns' && text !== svgNamespace) throw new RangeError(`<${element}> is of another vocabulary than SVG`)
  if (key === 'xmlns:xlink' && text !== xlinkNamespace) throw new RangeError('xmlns:xlink names another vocabulary')
  if (key === 'xmlns' || key.startsWith('xmlns:')) return
  if (/^on/i.test(key)) throw new RangeError(`it holds the handler ${key}`)
  if (key.includes(':') && !prefixed.has(key)) {
    throw new RangeError(`it holds ${key}, which is no attribute of SVG (save it as plain SVG)`)
  }
  if (key === 'href' || key === 'xlink:href') requireReference(element, text)
  else requireStyle(text)
}

/** To a part of itself, or to a picture that it holds. */
function requireReference(element: string, address: string): void {
  if (/^#[\w.:-]+$/.test(address)) return
  const [, type = '', data = ''] = /^data:image\/(png|jpeg|gif|webp);base64,([\w+/=\s]+)$/.exec(address) ?? []
  const beginning = element === 'image' ? pictures[type] : undefined
  if (beginning !== undefined && Buffer.from(data, 'base64').toString('latin1').startsWith(beginning)) return
  throw new RangeError(
    `<${element}> refers to something else than #part of the same picture or, of an image, a PNG, JPEG, GIF or WebP as data:image/…;base64,…`,
  )
}

/** Of a style sheet and of every attribute, as most of them are styles. Threat: what is fetched when somebody looks. */
function requireStyle(text: string): void {
  const rest = text.replace(/url\(\s*(["']?)#[\w.:-]+\1\s*\)/gi, '')
  if (/url\s*\(|image\s*\(|image-set\s*\(|\bsrc\s*\(|@import|@namespace|expression\s*\(|\\/i.test(rest)) {
    throw new RangeError('a style refers to something else than url(#part) of the same picture')
  }
}
