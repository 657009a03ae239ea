/** Real Redis servers on loopback in the shapes that people run: a Sentinel trio, a Cluster, TLS with an own authority. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import type { RedisRecordsOptions } from '../../app/sessions/redis/redis-records.ts'
import { freePort, type RunningRedis, startRedis } from '../peers.ts'
import { until } from './waiting.ts'

/** What a failed server may take to be noticed, in milliseconds: short enough for a test, long enough for two cores. */
const patienceMs = 1000

/** The rights that docs/reference/store-keys.md names, as arguments that give a server the user `sallyport`. */
export const documentedUser = { url: 'sallyport:password@', args: userArgs() }

function userArgs(): readonly string[] {
  const document = readFileSync(join(import.meta.dirname, '../../docs/reference/store-keys.md'), 'utf8')
  const lists = [/`(GET GETEX [^`]+)`/, /`(CLUSTER\|SLOTS [^`]+)`/, /`(WAIT)`/, /`(SCAN)`/]
  const commands = lists.flatMap(list => list.exec(document)?.[1]?.split(/\s+/) ?? [])
  if (commands.length < lists.length + 10) throw new Error('the page does not name the commands any more')
  return [
    '--user',
    'sallyport',
    'on',
    '>password',
    'resetkeys',
    '~sallyport:*',
    ...commands.map(command => `+${command.toLowerCase()}`),
  ]
}

/** A master that does not wait for further replicas before it begins. */
export const syncAtOnce = ['--repl-diskless-sync-delay', '0']

interface Servers {
  /** `127.0.0.1:port` of each. */
  readonly nodes: readonly string[]
  stop(): Promise<void>
}

export interface SentinelServers extends Servers {
  readonly masterName: string
  /** The server that is the master now, as the first Sentinel sees it. */
  master(): Promise<RunningRedis>
  /** The Sentinels make the replica the master, while the master is well. */
  failOver(): Promise<void>
  readonly sentinels: readonly RunningRedis[]
  readonly servers: readonly RunningRedis[]
}

export interface ClusterServers extends Servers {
  readonly masters: readonly RunningRedis[]
  readonly replicas: readonly RunningRedis[]
}

/** Where a store finds them. */
export type Choice = Pick<RedisRecordsOptions, 'url' | 'topology'>

const addressIn = (node: string) => ({ host: '127.0.0.1', port: Number(node.split(':')[1]) })
export const clusterChoice = ({ nodes }: ClusterServers, first = 0): Choice => ({
  url: `redis://${documentedUser.url}${nodes[first]}`,
  topology: { kind: 'cluster', nodes: nodes.map(addressIn) },
})

export const sentinelChoice = ({ nodes, masterName }: SentinelServers, password?: string): Choice => ({
  url: `redis://${nodes[0]}`,
  topology: {
    kind: 'sentinel',
    nodes: nodes.slice(1).map(addressIn),
    masterName,
    ...(password === undefined ? {} : { password }),
  },
})

export type Reply = string | number | null | readonly Reply[]

/** One command, over a connection of its own. */
export async function tell(server: Pick<RunningRedis, 'port'>, ...command: string[]): Promise<Reply> {
  const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP: 2 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.sendCommand(command)) as Reply
  } finally {
    client.destroy()
  }
}

const addressOf = ({ port }: RunningRedis) => `127.0.0.1:${port}`
const stopAll = async (servers: readonly RunningRedis[]) => {
  await Promise.all(servers.map(server => server.stop()))
}

/** A master with a replica, and three Sentinels that know each other. */
export async function startSentinels(options: { readonly password?: string } = {}): Promise<SentinelServers> {
  const masterName = 'sallyport'
  const first = await startRedis({ args: syncAtOnce })
  const second = await startRedis({ args: [...syncAtOnce, '--replicaof', '127.0.0.1', String(first.port)] })
  const servers = [first, second]
  const sentinel = [
    `sentinel monitor ${masterName} 127.0.0.1 ${first.port} 2`,
    `sentinel down-after-milliseconds ${masterName} ${patienceMs}`,
    `sentinel failover-timeout ${masterName} 3000`,
    ...(options.password === undefined
      ? []
      : [`requirepass ${options.password}`, `sentinel sentinel-pass ${options.password}`]),
  ].join('\n')
  const sentinels = await Promise.all([1, 2, 3].map(() => startRedis({ sentinel })))
  const ask = (command: string) => askSentinel(sentinels[0], options.password, ['SENTINEL', command, masterName])
  await until(async () => {
    const known = fieldsOf(await ask('MASTER'))
    return known.get('num-other-sentinels') === '2' && known.get('num-slaves') === '1'
  })
  await until(async () => String(await tell(first, 'INFO', 'replication')).includes('state=online'))
  return {
    masterName,
    nodes: sentinels.map(addressOf),
    sentinels,
    servers,
    async master() {
      const port = fieldsOf(await ask('MASTER')).get('port')
      const found = servers.find(server => String(server.port) === port)
      if (found === undefined) throw new Error('the Sentinels name a master that nobody has started')
      return found
    },
    async failOver() {
      await ask('FAILOVER')
    },
    stop: () => stopAll([...sentinels, ...servers]),
  }
}

async function askSentinel(
  sentinel: RunningRedis | undefined,
  password: string | undefined,
  command: string[],
): Promise<Reply> {
  if (sentinel === undefined) throw new Error('there is no Sentinel')
  const client = createClient({ url: sentinel.url, RESP: 2, ...(password === undefined ? {} : { password }) })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.sendCommand(command)) as Reply
  } finally {
    client.destroy()
  }
}

function fieldsOf(reply: Reply): ReadonlyMap<string, string> {
  if (!Array.isArray(reply)) throw new Error('the reply is no list')
  const fields = new Map<string, string>()
  for (let index = 0; index < reply.length; index += 2) fields.set(String(reply[index]), String(reply[index + 1]))
  return fields
}

const slotRanges = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const

/** Three masters with a replica each, as `redis-cli --cluster create --cluster-replicas 1` makes them, but sooner. */
export async function startCluster(args: readonly string[] = []): Promise<ClusterServers> {
  const start = async () => {
    const bus = await freePort()
    const own = [
      '--cluster-enabled',
      'yes',
      '--cluster-port',
      String(bus),
      '--cluster-node-timeout',
      String(patienceMs),
    ]
    return { bus, server: await startRedis({ args: [...own, ...syncAtOnce, ...args] }) }
  }
  const started = await Promise.all(Array.from({ length: 6 }, start))
  const servers = started.map(({ server }) => server)
  const [masters, replicas] = [servers.slice(0, 3), servers.slice(3)]
  await Promise.all(
    masters.map(async (master, index) => {
      const [from = 0, to = 0] = slotRanges[index] ?? []
      await tell(master, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
      await tell(master, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))
    }),
  )
  const [first] = started
  for (const { server } of started.slice(1)) {
    await tell(server, 'CLUSTER', 'MEET', '127.0.0.1', String(first?.server.port), String(first?.bus))
  }
  await Promise.all(
    replicas.map(async (replica, index) => {
      const master = masters[index]
      if (master === undefined) return
      const id = String(await tell(master, 'CLUSTER', 'MYID'))
      await until(async () => (await tell(replica, 'CLUSTER', 'REPLICATE', id).catch(() => '')) === 'OK')
    }),
  )
  const isWhole = async (server: RunningRedis) => {
    const info = String(await tell(server, 'CLUSTER', 'INFO'))
    return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:6')
  }
  const isFollowed = async (master: RunningRedis) =>
    String(await tell(master, 'INFO', 'replication')).includes('state=online')
  await Promise.all(servers.map(server => until(() => isWhole(server))))
  await Promise.all(masters.map(server => until(() => isFollowed(server))))
  return { nodes: servers.map(addressOf), masters, replicas, stop: () => stopAll(servers) }
}

export interface Certificates {
  readonly directory: string
  /** What the certificate of the server says that it is. */
  readonly serverName: string
  /** PEM texts. */
  readonly ca: string
  readonly certificate: string
  readonly key: string
  /** Of an authority that nobody trusts. */
  readonly foreignCa: string
  /** Arguments for a server that speaks TLS on the port of `--tls-port` and wants a certificate from its clients. */
  readonly serverArgs: readonly string[]
  remove(): void
}

/** An own authority with a certificate for the server, which names no address, and one for its client. */
export function makeCertificates(): Certificates {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-redis-tls-'))
  const serverName = 'redis.sallyport.internal'
  const path = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore', cwd: directory })
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  for (const name of ['ca', 'foreign']) {
    openssl(
      'req',
      '-x509',
      ...curve,
      '-subj',
      `/CN=${name}`,
      '-days',
      '2',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    )
  }
  for (const [name, subject] of [
    ['server', serverName],
    ['client', 'sallyport'],
  ] as const) {
    openssl('req', ...curve, '-subj', `/CN=${subject}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    writeFileSync(path(`${name}.ext`), `subjectAltName=DNS:${subject}\n`)
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`]
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.crt`)
  }
  const text = (name: string) => readFileSync(path(name), 'utf8')
  return {
    directory,
    serverName,
    ca: text('ca.crt'),
    certificate: text('client.crt'),
    key: text('client.key'),
    foreignCa: text('foreign.crt'),
    serverArgs: [
      ['--tls-cert-file', path('server.crt')],
      ['--tls-key-file', path('server.key')],
      ['--tls-ca-cert-file', path('ca.crt')],
      ['--tls-auth-clients', 'yes'],
    ].flat(),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
