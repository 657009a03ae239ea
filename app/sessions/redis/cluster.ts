/**
 * The masters of a Redis Cluster, with one link to each.
 *
 * The map of slots is only a guess where to ask: every master refuses what is not its own (MOVED), and every one that
 * cannot know any more whether it is still a master refuses everything (CLUSTERDOWN). A replica redirects too. So a map
 * that is out of date costs a round trip and never an answer from the wrong server.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ChangeListener } from '../record-store.ts'
import { formatAddress, type RedisAddress } from './address.ts'
import { type Client, createStateReport, type RedisState } from './connection.ts'
import type { Link } from './link.ts'
import { redirectionIn, type SlotRange, slotCount, slotOf, slotRangesIn } from './slots.ts'
import { type Topology, type TopologyOptions, unknownServer } from './topology.ts'

export interface ClusterOptions extends TopologyOptions {
  /** Servers to ask for the others; one that answers is enough. */
  readonly seeds: readonly RedisAddress[]
  /** As for a link: no redirection is followed after that. */
  readonly commandTimeoutMs: number
}

interface Member {
  readonly link: Link
  readonly address: RedisAddress
  readonly probe: { key: string }
  /** Not in the map: a seed, or where a slot is on its way to. Kept for a while. */
  guestUntil: number
  state: RedisState
}

/** Between two looks at the map while all is well, and while it is not. */
const lookEveryMs = 10_000
const searchEveryMs = 200
const mostRedirections = 4
const guestMs = 30_000

export function createClusterTopology(options: ClusterOptions): Topology {
  const { openLink, prefix, seeds, commandTimeoutMs } = options
  const members = new Map<string, Member>()
  let owners: readonly (Member | undefined)[] = new Array(slotCount)
  let masters: readonly Member[] = []
  let onChange: ChangeListener = () => undefined
  let looking: Promise<void> | undefined
  let lookAt = 0
  let turn = 0
  let isClosed = false
  const report = createStateReport(options.onStateChange)

  const reportState = () => {
    const broken = [...members.values()].find(({ state }) => !state.isReady)?.state
    const isWhole = masters.length > 0 && masters.every(({ link }) => link.isReady())
    if (isWhole) report({ isReady: true })
    else if (broken !== undefined) report(broken)
  }
  const isWanting = () => masters.length === 0 || masters.some(({ link }) => !link.isReady())

  function memberAt(address: RedisAddress): Member {
    const name = formatAddress(address)
    const known = members.get(name)
    if (known !== undefined) return known
    const probe = { key: '' }
    const link = openLink({
      address,
      probeKey: () => probe.key,
      onStateChange: state => {
        member.state = state
        lookAt = 0
        reportState()
      },
    })
    // A server that is lost may have told of changes that did not arrive; whatever it owns is read again.
    link.tracking?.subscribe(changed => onChange(changed))
    const member: Member = { link, address, probe, guestUntil: performance.now() + guestMs, state: { isReady: true } }
    members.set(name, member)
    return member
  }

  /** Takes over what a server says about all of them. */
  function adopt(found: readonly SlotRange[]): void {
    const next = new Array<Member | undefined>(slotCount)
    for (const { from, to, master } of found) next.fill(memberAt(master), from, to + 1)
    const hasMoved = next.some((member, slot) => member !== owners[slot])
    owners = next
    masters = [...new Set(next)].filter(member => member !== undefined)
    for (const member of masters) member.probe.key = probeKeyIn(prefix, slot => owners[slot] === member)
    for (const [name, member] of members) {
      if (masters.includes(member) || member.guestUntil > performance.now()) continue
      members.delete(name)
      void member.link.close()
    }
    // What was remembered was vouched for by the owner of before.
    if (hasMoved) onChange(undefined)
    reportState()
  }

  async function look(): Promise<void> {
    const ready = [...members.values()].filter(({ link }) => link.isReady())
    turn += 1
    const asked = ready[turn % Math.max(1, ready.length)]
    if (asked === undefined) {
      for (const seed of seeds) memberAt(seed).guestUntil = performance.now() + guestMs
      return
    }
    const reply = await asked.link.run('topology', client => client.sendCommand<unknown>(['CLUSTER', 'SLOTS']))
    const found = slotRangesIn(reply, asked.address.host)
    if (!isClosed && found.length > 0) adopt(found)
  }
  function lookOnce(): Promise<void> {
    lookAt = performance.now() + lookEveryMs
    looking ??= look()
      .catch(() => undefined)
      .finally(() => {
        looking = undefined
      })
    return looking
  }
  const timer = setInterval(() => {
    if (isWanting() || performance.now() > lookAt) void lookOnce()
  }, searchEveryMs)
  timer.unref()
  void lookOnce()

  type Run = Link['run']
  const runOf = (link: Link, isReplicated: boolean): Run => (isReplicated ? link.runReplicated : link.run)

  async function run<T>(
    isReplicated: boolean,
    operation: string,
    key: string,
    command: (client: Client) => Promise<T>,
  ): Promise<T> {
    const startedAt = performance.now()
    let member = owners[slotOf(key)]
    let isAsking = false
    for (let redirections = 0; ; redirections += 1) {
      if (member === undefined) throw unknownServer(operation, 'no server of the cluster is known to be responsible')
      const send = isAsking ? asking(command) : command
      try {
        return await runOf(member.link, isReplicated)(operation, send)
      } catch (error) {
        const cause = causeOf(error)
        const to = redirectionIn(cause, member.address.host)
        const timeLeft = commandTimeoutMs - (performance.now() - startedAt)
        // Whatever the reason, the map may be out of date.
        lookAt = 0
        if (to === undefined || redirections === mostRedirections || timeLeft <= 0) throw error
        isAsking = to.kind === 'ASK'
        member = memberAt(to.address)
        member.guestUntil = performance.now() + guestMs
        if (to.kind === 'MOVED') void lookOnce()
        await untilReady(member.link, timeLeft)
      }
    }
  }

  return {
    run: (operation, key, command) => run(false, operation, key, command),
    runReplicated: (operation, key, command) => run(true, operation, key, command),
    async probe() {
      if (masters.length === 0) throw unknownServer('probe', 'no server of the cluster has answered yet')
      await Promise.all(masters.map(({ link }) => link.probe()))
    },
    tracking: {
      isCurrent: (now, key) => owners[slotOf(key)]?.link.tracking?.isCurrent(now) === true,
      isOn: key => owners[slotOf(key)]?.link.tracking?.isOn() === true,
      subscribe(listener) {
        onChange = listener
      },
      close: () => undefined,
    },
    async servers() {
      if (owners.includes(undefined)) throw unknownServer('scan', 'not every slot has a server')
      return masters.map(({ link }) => link)
    },
    async close() {
      isClosed = true
      clearInterval(timer)
      await Promise.all([...members.values()].map(({ link }) => link.close()))
    },
  }
}

/** A key of ours that this server owns: a heartbeat has to be refused when it does not any more. */
function probeKeyIn(prefix: string, isOwn: (slot: number) => boolean): string {
  let tag = 0
  while (!isOwn(slotOf(String(tag)))) tag += 1
  return `${prefix}probe:{${tag}}`
}

const asking =
  <T>(command: (client: Client) => Promise<T>) =>
  (client: Client): Promise<T> => {
    // Holds for the one command behind it. If it fails, so does that.
    client.sendCommand(['ASKING']).catch(() => undefined)
    return command(client)
  }

const causeOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : ''

async function untilReady(link: Link, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!link.isReady() && performance.now() < deadline) await delay(10)
}
