/** `--listen` and what belongs to it: the audit webhook of an API server as a log, for the commands that read one. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { isLoopback, type Sender } from '../../../../app/kubernetes/audit/receiving/sender.ts'
import { parseDuration } from '../../../../rbac/conditions/times.ts'
import type { Terminal } from '../../../terminal.ts'
import { UsageError } from './usage-error.ts'

export interface ListenChoice {
  readonly listen?: Address
  /** Seconds. */
  readonly for?: number
  readonly keep?: string
  /** Bytes. */
  readonly keepMost?: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly clientCa?: string
  readonly clientName?: readonly string[]
  readonly tokenFile?: string
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Said in the help of each of these commands. */
export const listenHelp = `
--listen receives what an API server posts (--audit-webhook-config-file) until it is interrupted, or for as long as --for says, and
then answers. Only who shows the certificate of --client-ca with a name of --client-name, or the token of --token-file, is taken;
without either it listens on a loopback address alone, where everybody on this machine can write into it. A batch is confirmed
when it is kept: with --keep in files of a folder, which --audit reads as well, without it in memory. Bodies are not kept. A folder
that has what --keep-most allows takes no more, which is said, and the API server sends it again for a while: nothing that was
confirmed is thrown away. Make room while it runs: gzip the files but the last, which are read as well, or move them away.`

export const addListen = (command: Command): Command =>
  command
    .option('--listen <host:port>', 'receive the audit webhook of an API server here', readAddress)
    .option('--for <duration>', 'with --listen: for so long, such as 10m', readSeconds)
    .option('--keep <folder>', 'with --listen: write what is received there, and read what was before')
    .option('--keep-most <size>', 'with --keep: no more in that folder, such as 20G. Default: 10G', readSize)
    .option('--tls-cert <file>', 'with --listen: certificate, PEM')
    .option('--tls-key <file>', 'with --listen: its key, PEM')
    .option('--client-ca <file>', 'with --listen: who vouches for the certificate of the API server, PEM')
    .option('--client-name <name...>', 'with --client-ca: common names that are taken')
    .option('--token-file <file>', 'with --listen: the token that the API server sends')

function readAddress(text: string): Address {
  const [, v6, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = v6 ?? plain
  if (host === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('Expected an address and a port, such as 127.0.0.1:9443 or [::1]:9443.')
  return { host, port: Number(port) }
}

function readSize(text: string): number {
  const [, number, unit = ''] = /^([1-9]\d{0,5})([MGT])$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('Expected a size, such as 500M or 20G.')
  return Number(number) * 1024 ** (2 + 'MGT'.indexOf(unit))
}

function readSeconds(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('Expected a duration such as 10m or 12h.')
  }
}

export interface ListenPlan {
  readonly address: Address
  readonly sender: Sender
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  readonly seconds?: number
  readonly folder?: string
  /** Bytes of all that is kept in it. */
  readonly mostKept: number
}

const mostKeptByDefault = 10 * 1024 ** 3

const belonging = [
  ['for', '--for'],
  ['keep', '--keep'],
  ['keepMost', '--keep-most'],
  ['tlsCert', '--tls-cert'],
  ['tlsKey', '--tls-key'],
  ['clientCa', '--client-ca'],
  ['clientName', '--client-name'],
  ['tokenFile', '--token-file'],
] as const

/** Undefined without `--listen`. Throws `UsageError` for what would let anybody write, and where a file cannot be used. */
export function listenPlan(choice: ListenChoice, { cwd }: Terminal): ListenPlan | undefined {
  const { listen, for: seconds, keep, keepMost } = choice
  if (listen === undefined) {
    const alone = belonging.find(([name]) => choice[name] !== undefined)
    if (alone !== undefined) throw new UsageError(`${alone[1]} needs --listen`)
    return undefined
  }
  if (keepMost !== undefined && keep === undefined) throw new UsageError('--keep-most needs --keep')
  const read = (path: string): string => readFileSync(resolve(cwd, path), 'utf8')
  const tls = tlsOf(choice, read)
  const sender = senderOf(choice, read)
  const isNear = isLoopback(listen.host)
  if (!isNear && tls === undefined)
    throw new UsageError('--listen on other than loopback needs --tls-cert and --tls-key')
  if (!isNear && sender.by === 'nobody')
    throw new UsageError(
      '--listen on other than loopback needs --client-ca or --token-file: else anybody could write the log',
    )
  return {
    // What `localhost` stands for is said by a file that others write.
    address: listen.host === 'localhost' ? { ...listen, host: '127.0.0.1' } : listen,
    sender,
    mostKept: keepMost ?? mostKeptByDefault,
    ...(tls !== undefined && { tls }),
    ...(seconds !== undefined && { seconds }),
    ...(keep !== undefined && { folder: resolve(cwd, keep) }),
  }
}

function tlsOf({ tlsCert, tlsKey, clientCa }: ListenChoice, read: (path: string) => string): ListenPlan['tls'] {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('--tls-cert and --tls-key belong together')
  if (tlsCert === undefined || tlsKey === undefined) return undefined
  return { cert: read(tlsCert), key: read(tlsKey), ...(clientCa !== undefined && { clientCa: read(clientCa) }) }
}

const shortestToken = 16

function senderOf(choice: ListenChoice, read: (path: string) => string): Sender {
  const { clientCa, clientName: names, tokenFile, tlsCert } = choice
  if (clientCa !== undefined && tokenFile !== undefined)
    throw new UsageError('--client-ca and --token-file: one of them says who it is')
  if ((clientCa === undefined) !== (names === undefined))
    throw new UsageError('--client-ca and --client-name belong together: an authority vouches for others too')
  if (clientCa !== undefined && names !== undefined) {
    if (tlsCert === undefined) throw new UsageError('--client-ca needs --tls-cert and --tls-key')
    return { by: 'certificate', names }
  }
  if (tokenFile === undefined) return { by: 'nobody' }
  const token = read(tokenFile).trim()
  if (!/^[\x21-\x7e]+$/.test(token) || token.length < shortestToken)
    throw new UsageError(`--token-file has no token: one line of at least ${shortestToken} characters is needed`)
  return { by: 'token', token }
}
