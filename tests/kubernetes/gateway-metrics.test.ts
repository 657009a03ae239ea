/** What is carried is measured: open streams go up and down, an end is counted by how it came, bytes while they flow. */
import type { Duplex } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusal } from '../../app/kubernetes/gateway/status.ts'
import { createAggregatedMetrics } from '../../app/telemetry/aggregated-metrics.ts'
import { createMetrics } from '../../app/telemetry/metrics.ts'
import { frontNames } from '../dialects.ts'
import {
  askHttp1,
  connectRaw,
  createPromise,
  type FakeApiServer,
  startAuthority,
  startFakeApiServer,
  startWorld,
  type World,
} from './gateway-world.ts'

const authority = startAuthority()
const create = () =>
  createMetrics({ version: '1.2.3', providers: [], fronts: frontNames, clusters: ['prod'], hasProcessMetrics: false })
const metrics = create()
let api: FakeApiServer
let world: World

beforeAll(async () => {
  api = await startFakeApiServer(authority)
  world = await startWorld({ authority, access: api.access, meter: metrics.gateway })
})
afterAll(async () => {
  await world.close()
  await api.close()
  authority.close()
})

const pods = '/clusters/prod/api/v1/namespaces/payments/pods'
const revoked = refusal(403, 'alice: session s_1 was revoked', 'log in again')

async function readSeries(series: string, page = metrics.render()): Promise<number> {
  const name = `sallyport_kubernetes_${series}`
  const line = (await page).split('\n').find(text => text.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no series ${name}`)
  return Number(line.slice(name.length + 1))
}
const openOf = (kind: string) => readSeries(`streams_open{cluster="prod",kind="${kind}"}`)
const endedOf = (kind: string, ending: string) =>
  readSeries(`streams_ended_total{cluster="prod",kind="${kind}",ending="${ending}"}`)
const bytes = (direction: string) => readSeries(`bytes_total{cluster="prod",direction="${direction}"}`)

async function openExec(target = `${pods}/web-0/exec?command=sh`) {
  const arrived = createPromise<Duplex>()
  api.upgrade((_request, socket) => {
    arrived.resolve(socket)
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n',
    )
  })
  const next = world.next()
  const client = await connectRaw(world.port, authority)
  client.socket.write(
    `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n`,
  )
  const server = await arrived.promise
  await client.until(text => text.includes('\r\n\r\n'), 'the head')
  return { client, server, admitted: await next }
}

describe('streams', () => {
  test('every series is there from the start', async () => {
    expect(await openOf('port-forward')).toBe(0)
    expect(await endedOf('attach', 'cut')).toBe(0)
    expect(await readSeries('upstream_failures_total{cluster="prod"}')).toBe(0)
    expect(await bytes('sent')).toBe(0)
  })

  test('a watch is open until it is cut', async () => {
    api.answer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' })
      response.write('{"type":"ADDED"}\n')
    })
    const [next, begun] = [world.next(), createPromise<void>()]
    const watch = askHttp1(world.port, authority, { path: `${pods}?watch=1`, onBegun: () => begun.resolve() })
    const admitted = await next
    await begun.promise
    expect([await openOf('watch'), await openOf('exec')]).toEqual([1, 0])
    // While it is open: what has flowed is not told only in the end.
    expect(await bytes('sent')).toBe('{"type":"ADDED"}\n'.length)
    await admitted.cut(revoked)
    await watch
    const { bytesSent } = await admitted.outcome
    expect([await openOf('watch'), await endedOf('watch', 'cut')]).toEqual([0, 1])
    expect(await bytes('sent')).toBe(bytesSent)
  })

  test('a shell is open until its client goes, and a forward until the API server breaks off', async () => {
    const before = await bytes('received')
    const shell = await openExec()
    const forward = await openExec(`${pods}/web-0/portforward?ports=80`)
    expect([await openOf('exec'), await openOf('port-forward')]).toEqual([1, 1])
    const got = new Promise<void>(resolve => shell.server.once('data', () => resolve()))
    shell.client.socket.write('four')
    await got
    expect(await bytes('received')).toBe(before + 4)
    shell.client.socket.destroy()
    await shell.admitted.outcome
    expect([await openOf('exec'), await endedOf('exec', 'client-gone')]).toEqual([0, 1])
    await forward.admitted.cut(revoked)
    await forward.admitted.outcome
    expect([await openOf('port-forward'), await endedOf('port-forward', 'cut')]).toEqual([0, 1])
    expect(await bytes('received')).toBe(before + 4)
  })
})

test('a call that is no stream is measured by its duration, and one that fails as a failure of the cluster', async () => {
  const count = () => readSeries('call_duration_seconds_count{cluster="prod"}')
  const before = await count()
  api.answer((_request, response) => response.end('{}'))
  await world.ask({ path: pods })
  api.answer(request => request.socket.destroy())
  const next = world.next()
  expect((await world.ask({ path: pods, method: 'POST' })).status).toBe(502)
  await (await next).outcome
  expect(await count()).toBe(before + 2)
  expect(await readSeries('upstream_failures_total{cluster="prod"}')).toBe(1)
})

test('no label is of a request: names of people, pods and clusters that are not there are on no page', async () => {
  const page = await metrics.render()
  for (const name of ['alice', 'web-0', 'payments']) expect(page).not.toContain(name)
  const before = await metrics.render()
  metrics.gateway.begun({ cluster: 'mallory', stream: 'exec' }, { bytesReceived: 1, bytesSent: 1 })('cut', 1)
  metrics.gateway.upstreamFailed('mallory')
  expect(await metrics.render()).toBe(before)
})

test('workers are summed, and what an ended one has counted stays while what it had open goes', async () => {
  const [alpha, beta] = [create(), create()]
  const all = createAggregatedMetrics({ hasProcessMetrics: false })
  const watch = { cluster: 'prod', stream: 'watch' } as const
  alpha.gateway.begun(watch, { bytesReceived: 0, bytesSent: 10 })('cut', 5)
  alpha.gateway.begun(watch, { bytesReceived: 0, bytesSent: 20 })
  beta.gateway.begun(watch, { bytesReceived: 0, bytesSent: 1 })
  all.reported(1, structuredClone(await alpha.values()))
  all.reported(2, structuredClone(await beta.values()))
  const read = async () =>
    Promise.all(
      [
        'streams_open{cluster="prod",kind="watch"}',
        'streams_ended_total{cluster="prod",kind="watch",ending="cut"}',
        'bytes_total{cluster="prod",direction="sent"}',
      ].map(series => readSeries(series, all.render())),
    )
  expect(await read()).toEqual([2, 1, 31])
  all.ended(1)
  expect(await read()).toEqual([1, 1, 31])
})
