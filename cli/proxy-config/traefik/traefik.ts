/** Traefik: static settings, the middleware that asks, and the protected hosts for the file provider or as labels. */
import type { ProxyFile, ProxyFormat } from '../format.ts'
import { addressText, type ProxyHost, type ProxyQuestion } from '../question.ts'
import { QuestionError } from '../question-error.ts'
import { certificateHeader, partsOf, traefikParts } from './traefik-parts.ts'

/** As names of routers and labels are; two hosts never have the same one. */
const nameOf = (host: string): string => `site-${host.replaceAll('-', '--').replaceAll('.', '-')}`

const withholding = (header: string): string => `sallyport-withhold-${header.toLowerCase()}`

/** `provider` follows a name that is defined in another provider's configuration, with an `@`. */
function middlewaresOf({ givenAuthorization, withheld }: ProxyHost, provider = ''): readonly string[] {
  const first = givenAuthorization ? 'sallyport-with-authorization' : 'sallyport'
  return [first, ...withheld.map(withholding)].map(name => `${name}${provider}`)
}

/** Middlewares that keep from applications what was for Sallyport, and the one that asks the next replica. */
function furtherMiddlewares({ hosts, sallyport }: ProxyQuestion): readonly string[] {
  const headers = [...new Set(hosts.flatMap(({ withheld }) => withheld))]
  const lines = [
    ...headers.flatMap(header => [
      `    ${withholding(header)}:`,
      `      headers: { customRequestHeaders: { ${header}: '' } }`,
    ]),
    ...(sallyport.length > 1
      ? ['    sallyport-next-replica:', '      retry: { attempts: 3, initialInterval: 20ms }']
      : []),
  ]
  return lines.length === 0 ? [] : ['  middlewares:', ...lines]
}

function fileProvider(question: ProxyQuestion): readonly ProxyFile[] {
  const { directory, hosts } = question
  const text = [
    '# Every protected host. Routers, services and middlewares of your own go into further files of this folder; each router',
    '# of yours needs `sallyport` among its middlewares, or is open.',
    'http:',
    ...furtherMiddlewares(question),
    '  routers:',
    ...hosts.flatMap(host => [
      `    ${nameOf(host.host)}:`,
      `      rule: Host(\`${host.host}\`)`,
      `      middlewares: [${middlewaresOf(host).join(', ')}]`,
      `      service: ${nameOf(host.host)}`,
    ]),
    '  services:',
    ...hosts.flatMap(({ host, upstream }) => [
      `    ${nameOf(host)}:`,
      `      loadBalancer: { servers: [{ url: 'http://${addressText(upstream)}' }] }`,
    ]),
    '',
  ].join('\n')
  const providers = [`TRAEFIK_PROVIDERS_FILE_DIRECTORY=${directory}/dynamic`]
  return [...traefikParts(partsOf(question, providers)), { path: 'dynamic/sallyport-sites.yaml', text }]
}

function labels(question: ProxyQuestion): readonly ProxyFile[] {
  const { directory, hosts } = question
  const services = [...new Set(hosts.map(({ upstream }) => upstream.host))]
  const address = services.find(name => !/^[a-z0-9][a-z0-9_.-]*$/.test(name) || /^[\d.]+$/.test(name))
  if (address !== undefined)
    throw new QuestionError(
      `labels stand at a service of Compose, and ${address} is none: say --host NAME=SERVICE:PORT with the service's name and the port within it`,
    )
  const compose = [
    '# Every protected host, as labels: docker compose -f compose.yaml -f sallyport-labels.yaml up. Labels of your own stay in',
    '# your compose.yaml; Compose puts both together.',
    'services:',
    ...services.flatMap(service => [
      `  '${service}':`,
      '    labels:',
      "      traefik.enable: 'true'",
      ...hosts.filter(({ upstream }) => upstream.host === service).flatMap(labelsOf),
    ]),
    '',
  ].join('\n')
  const providers = [
    `TRAEFIK_PROVIDERS_FILE_DIRECTORY=${directory}/dynamic`,
    '# A container without `traefik.enable: true` has no router: one without the check would be open.',
    'TRAEFIK_PROVIDERS_DOCKER=true',
    'TRAEFIK_PROVIDERS_DOCKER_EXPOSEDBYDEFAULT=false',
  ]
  const further = furtherMiddlewares(question)
  const more =
    further.length === 0
      ? []
      : [
          {
            path: 'dynamic/sallyport-sites.yaml',
            text: ['# What the labels name.', 'http:', ...further, ''].join('\n'),
          },
        ]
  return [...traefikParts(partsOf(question, providers)), ...more, { path: 'sallyport-labels.yaml', text: compose }]
}

function labelsOf(host: ProxyHost): readonly string[] {
  const router = `      traefik.http.routers.${nameOf(host.host)}`
  return [
    `${router}.rule: Host(\`${host.host}\`)`,
    `${router}.middlewares: ${middlewaresOf(host, '@file').join(',')}`,
    `${router}.service: ${nameOf(host.host)}`,
    `      traefik.http.services.${nameOf(host.host)}.loadbalancer.server.port: '${host.upstream.port}'`,
  ]
}

export const traefik: ProxyFormat = {
  name: 'traefik',
  summary: 'settings and files for the file provider of Traefik 3.7.12 or later',
  listsBalancers: true,
  passesChecksOn: true,
  speaksHttp3: true,
  asksForCertificates: true,
  certificateHeader,
  render: fileProvider,
}

export const traefikLabels: ProxyFormat = {
  name: 'traefik-labels',
  summary: 'the same with the hosts as labels for Docker Compose',
  directory: '/etc/traefik',
  listsBalancers: true,
  passesChecksOn: true,
  speaksHttp3: true,
  asksForCertificates: true,
  certificateHeader,
  render: labels,
}
