/**
 * The HTTP methods that there are (IANA HTTP Method Registry; RFC 9110 section 16.1), and which of them only look.
 *
 * Written by hand, so that a policy means the same whatever the machine is. `*`, which the registry reserves, is no
 * method of a request.
 */

/** What the registry says: `safe` methods only look and are idempotent too; `neither` is neither. */
type Nature = 'safe' | 'idempotent' | 'neither'

const registered: Readonly<Record<string, Nature>> = {
  // RFC 9110 section 9.3, PATCH RFC 5789, QUERY the HTTP QUERY Method of the HTTP working group
  CONNECT: 'neither',
  DELETE: 'idempotent',
  GET: 'safe',
  HEAD: 'safe',
  OPTIONS: 'safe',
  PATCH: 'neither',
  POST: 'neither',
  PUT: 'idempotent',
  QUERY: 'safe',
  TRACE: 'safe',
  // The first word of every HTTP/2 connection: RFC 9113 section 3.4
  PRI: 'safe',
  // WebDAV: RFC 4918, SEARCH RFC 5323, ACL RFC 3744, ORDERPATCH RFC 3648, redirect references RFC 4437, bindings RFC 5842
  ACL: 'idempotent',
  BIND: 'idempotent',
  COPY: 'idempotent',
  LOCK: 'neither',
  MKCOL: 'idempotent',
  MKREDIRECTREF: 'idempotent',
  MOVE: 'idempotent',
  ORDERPATCH: 'idempotent',
  PROPFIND: 'safe',
  PROPPATCH: 'idempotent',
  REBIND: 'idempotent',
  SEARCH: 'safe',
  UNBIND: 'idempotent',
  UNLOCK: 'idempotent',
  UPDATEREDIRECTREF: 'idempotent',
  // Versions: RFC 3253; calendars: RFC 4791
  'BASELINE-CONTROL': 'idempotent',
  CHECKIN: 'idempotent',
  CHECKOUT: 'idempotent',
  LABEL: 'idempotent',
  MERGE: 'idempotent',
  MKACTIVITY: 'idempotent',
  MKCALENDAR: 'idempotent',
  MKWORKSPACE: 'idempotent',
  REPORT: 'safe',
  UNCHECKOUT: 'idempotent',
  UPDATE: 'idempotent',
  'VERSION-CONTROL': 'idempotent',
  // RFC 2068 section 19.6.1
  LINK: 'idempotent',
  UNLINK: 'idempotent',
}

/** In no registry, and spoken by servers and proxies that people have: caches, UPnP, GENA, Icecast. */
const customary = ['M-SEARCH', 'NOTIFY', 'PURGE', 'SOURCE', 'SUBSCRIBE', 'UNSUBSCRIBE']

export const knownMethods: readonly string[] = [...Object.keys(registered), ...customary]

/**
 * Threat: TRACE gives back what it was sent, cookies and the assertion included, to whoever can make a browser ask. It
 * is safe by the registry and reads nothing of the resource, so a row that lets people read does not let it through.
 */
const notRead: ReadonlySet<string> = new Set(['TRACE', 'PRI'])

/** What `read` covers: GET, HEAD, OPTIONS and the other safe methods. */
export const readMethods: ReadonlySet<string> = new Set(
  Object.keys(registered).filter(name => registered[name] === 'safe' && !notRead.has(name)),
)

/** What `write` leaves out, and nothing else: a row that denies writing meets methods that nobody has heard of. */
export const plainReadMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** No request has them: what they name is no resource of a host. */
export const methodsWithoutPath: ReadonlySet<string> = new Set(['CONNECT', 'PRI'])

const token = /^(?=.{1,20}$)[A-Z]+(?:-[A-Z]+)*$/

/** One to twenty characters: words of A to Z, joined by dashes. What is none is refused before it is judged. */
export const isMethod = (text: string): boolean => token.test(text)
