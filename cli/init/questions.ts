/** The questions of `sallyport init`, in their order: what is asked, what an answer may be, and which option says it. */
import { isLoopback } from '../../config/checks/loopback.ts'
import { parseHost, parseIssuer, parseOrigin } from '../../config/schema/values.ts'
import { readHost, readPath } from '../proxy-config/read-options.ts'

export const proxies = ['nginx', 'traefik', 'caddy', 'haproxy', 'envoy'] as const
export type ProxyName = (typeof proxies)[number]

/** Texts, each as it was checked. */
export interface Answers {
  /** `server.listen`: `host:port`, or `unix:` and a path. Only an option says it. Default: 127.0.0.1:9180. */
  readonly listen?: string
  readonly url: string
  readonly issuer: string
  readonly clientId: string
  /** Absent where it stands in a file, or will. */
  readonly clientSecret?: string
  readonly clientSecretFile: string
  /** `host=address` */
  readonly host: string
  readonly proxy: ProxyName
  readonly tlsCertificate?: string
  readonly tlsKey?: string
}

export interface Question {
  readonly name: keyof Answers
  readonly text: string
  /** Shown with the question: what an answer looks like. */
  readonly example?: string
  /** What an empty answer means. */
  readonly initial?: (soFar: Partial<Answers>) => string | undefined
  /** Gives the answer as it is taken; throws with what is wrong. */
  readonly read: (text: string, soFar: Partial<Answers>) => string
  /** Default: it is asked. */
  readonly isAsked?: (soFar: Partial<Answers>) => boolean
  readonly isSecret?: true
}

/** As the configuration wants it. */
function secure(url: string): string {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'https:' && !isLoopback(hostname))
    throw new RangeError('expected an https address; http is for localhost only')
  return url
}

const always = (text: string) => () => text

const readApplication = (text: string, { url }: Partial<Answers>): string => {
  const { host, upstream } = readHost(text)
  if (upstream === undefined) throw new RangeError('say where it listens as well: wiki.example.com=127.0.0.1:8080')
  if (url !== undefined && parseHost(new URL(url).hostname) === host)
    throw new RangeError('people log in at this host: an application needs one of its own')
  return text
}

function readProxy(text: string): ProxyName {
  const found = proxies.find(name => name === text.toLowerCase())
  if (found === undefined) throw new RangeError(`there are ${proxies.join(', ')}`)
  return found
}

function readClientId(text: string): string {
  if (!/^[\x20-\x7e]+$/.test(text)) throw new RangeError('a client id is printable ASCII (RFC 6749 appendix A.1)')
  return text
}

function readKey(text: string, { proxy, tlsCertificate }: Partial<Answers>): string {
  if (proxy === 'haproxy' && text !== `${tlsCertificate}.key`)
    throw new RangeError(`HAProxy finds it by the name of the certificate: ${tlsCertificate}.key`)
  return readPath(text)
}

const endsTls = ({ url, proxy }: Partial<Answers>): boolean => url?.startsWith('https:') === true && proxy !== 'caddy'

export const questions: readonly Question[] = [
  {
    name: 'url',
    text: 'Where will people log in? A host of its own, where nothing else is',
    example: 'https://auth.example.com',
    read: text => secure(parseOrigin(text)),
  },
  {
    name: 'issuer',
    text: 'Issuer of your OpenID provider',
    example: 'https://idp.example.com/realms/corp',
    read: text => secure(parseIssuer(text)),
  },
  {
    name: 'clientId',
    text: 'What does the provider call this service (client id)?',
    initial: always('sallyport'),
    read: readClientId,
  },
  {
    name: 'clientSecret',
    text: 'The secret of that client (not shown; empty: you put it into oidc.secret yourself)',
    initial: always(''),
    read: text => text,
    isAsked: ({ clientSecretFile }) => clientSecretFile === undefined,
    isSecret: true,
  },
  {
    name: 'host',
    text: 'Your first application: its host, and where it listens',
    example: 'wiki.example.com=127.0.0.1:8080',
    read: readApplication,
  },
  { name: 'proxy', text: `Proxy in front: ${proxies.join(', ')}`, initial: always('nginx'), read: readProxy },
  {
    name: 'tlsCertificate',
    text: 'File with the certificate for these hosts, on the machine of the proxy',
    initial: always('/etc/ssl/sallyport/site.pem'),
    read: text => readPath(text),
    isAsked: endsTls,
  },
  {
    name: 'tlsKey',
    text: 'File with its key',
    initial: ({ proxy, tlsCertificate = '' }) =>
      proxy === 'haproxy' ? `${tlsCertificate}.key` : tlsCertificate.replace(/(?:\.pem|\.crt)?$/, '.key'),
    read: readKey,
    isAsked: endsTls,
  },
]

/** `--client-id` of `clientId`. */
export const optionOf = ({ name }: Pick<Question, 'name'>): string =>
  `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
