/**
 * The master that Sentinels agree on.
 *
 * All Sentinels are asked, and the answer with the highest epoch counts: one that was cut off from the others still names
 * the master of before. That the server is a master it says itself with each command, since reads are made with GETEX.
 */

import type { ChangeListener } from '../record-store.ts'
import { withDeadline } from '../records/deadline.ts'
import { formatAddress, type RedisAddress, type RedisTls } from './address.ts'
import { connectToSentinel, createStateReport } from './connection.ts'
import type { Link } from './link.ts'
import { type Topology, type TopologyOptions, unknownServer } from './topology.ts'

export interface SentinelOptions extends TopologyOptions {
  readonly sentinels: readonly RedisAddress[]
  readonly masterName: string
  /** What the Sentinels want to hear, if anything; the servers have the user and password of the URL. */
  readonly password?: string
  readonly tls?: RedisTls
  readonly describe: (cause: unknown) => Error
}

interface NamedMaster {
  readonly address: RedisAddress
  readonly epoch: number
}

/**
 * Between two looks while all is well, and while it is not. Threat: a master that was replaced while it is well believes
 * in itself until the Sentinels have told it, and so does whoever asks it; this is how long we do at most.
 */
const lookEveryMs = 200
const searchEveryMs = 100
/** A Sentinel that does not answer for so long does not hold up the others' answers. */
const answerTimeoutMs = 500

export function createSentinelTopology(options: SentinelOptions): Topology {
  const { openLink, prefix, masterName, describe } = options
  const sentinels = options.sentinels.map(address => connectToSentinel(address, { ...options, answerTimeoutMs }))
  const report = createStateReport(options.onStateChange)
  const probe = `${prefix}probe`
  let onChange: ChangeListener = () => undefined
  let current: { readonly link: Link; readonly master: NamedMaster } | undefined
  let search: Promise<void> | undefined
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  const follow = (master: NamedMaster) => {
    if (current !== undefined && formatAddress(current.master.address) === formatAddress(master.address)) {
      current = { link: current.link, master }
      return
    }
    const left = current?.link
    const link: Link = openLink({
      address: master.address,
      probeKey: () => probe,
      onStateChange: state => {
        if (current?.link === link || current === undefined) report(state)
        if (!state.isReady) plan(searchEveryMs)
      },
    })
    link.tracking?.subscribe(changed => {
      if (current?.link === link) onChange(changed)
    })
    current = { link, master }
    // What the master of before has told, or failed to tell, is worth nothing.
    onChange(undefined)
    void left?.close()
  }

  const look = async (): Promise<void> => {
    const answers = await Promise.allSettled(
      sentinels.map(sentinel =>
        withDeadline(sentinel.sendCommand(['SENTINEL', 'MASTER', masterName]), answerTimeoutMs, 'no answer'),
      ),
    )
    if (isClosed) return
    const named = answers.flatMap(answer => (answer.status === 'fulfilled' ? masterIn(answer.value) : []))
    const [best] = named.sort((one, other) => other.epoch - one.epoch)
    if (best === undefined) {
      if (current === undefined) report({ isReady: false, cause: describe(reasonIn(answers)) })
      return
    }
    // Sentinels that were set up anew begin to count from zero: then most of them say so.
    const isOlder = current !== undefined && best.epoch < current.master.epoch
    if (!isOlder || named.length * 2 > sentinels.length) follow(best)
  }
  const lookOnce = () => {
    search ??= look().finally(() => {
      search = undefined
      plan(current?.link.isReady() === true ? lookEveryMs : searchEveryMs)
    })
    return search
  }
  function plan(delayMs: number): void {
    clearTimeout(timer)
    if (!isClosed) timer = setTimeout(() => void lookOnce(), delayMs).unref()
  }
  for (const sentinel of sentinels) {
    sentinel.on('error', () => undefined)
    sentinel.on('ready', () => plan(0))
    sentinel.connect().catch(() => undefined)
  }
  plan(searchEveryMs)

  const master = (operation: string): Link => {
    if (current === undefined) throw unknownServer(operation, `no Sentinel has named a master for ${masterName} yet`)
    return current.link
  }
  return {
    run: async (operation, _key, command) => master(operation).run(operation, command),
    runReplicated: async (operation, _key, command) => master(operation).runReplicated(operation, command),
    probe: async () => master('probe').probe(),
    tracking: {
      isCurrent: now => current?.link.tracking?.isCurrent(now) === true,
      isOn: () => current?.link.tracking?.isOn() === true,
      subscribe(listener) {
        onChange = listener
      },
      close: () => undefined,
    },
    servers: async () => [master('scan')],
    async close() {
      isClosed = true
      clearTimeout(timer)
      for (const sentinel of sentinels) sentinel.destroy()
      await current?.link.close()
    },
  }
}

/** Names and values by turns. Empty when it is no such answer. */
function masterIn(reply: unknown): NamedMaster[] {
  if (!Array.isArray(reply)) return []
  const fieldAt = (name: string) => {
    const place = reply.findIndex((field, index) => index % 2 === 0 && field === name)
    return place === -1 ? '' : String(reply[place + 1])
  }
  const [host, port, epoch] = [fieldAt('ip'), Number(fieldAt('port')), Number(fieldAt('config-epoch'))]
  return host === '' || !(port > 0) || !Number.isSafeInteger(epoch) ? [] : [{ address: { host, port }, epoch }]
}

function reasonIn(answers: readonly PromiseSettledResult<unknown>[]): unknown {
  const failed = answers.find(answer => answer.status === 'rejected')
  return failed?.reason ?? new Error('the Sentinels name no master')
}
