/** Frames are followed however they are cut into chunks, and what is put between two of them is read by itself. */

import { describe, expect, test } from 'vitest'
import { kindOf } from '../../app/kubernetes/gateway/carrying/kind.ts'
import {
  closeFrame,
  farewellOf,
  spdyLastFrame,
  watchError,
  webSocketFrame,
} from '../../app/kubernetes/gateway/frames/farewell.ts'
import { spdyFrames, webSocketFrames } from '../../app/kubernetes/gateway/frames/formats.ts'
import { createFrameWalker, type FrameWalker } from '../../app/kubernetes/gateway/frames/frame-walker.ts'
import { createLineWalker } from '../../app/kubernetes/gateway/frames/lines.ts'
import { refusal, statusOf, textOf } from '../../app/kubernetes/gateway/status.ts'
import { fc } from '../properties.ts'

const status = statusOf(refusal(403, 'alice: session s_1 was revoked', 'log in again'), 'r-1')

/** The bytes, cut at these places. */
function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map(cut => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length))
}

/** Walks `cutAt` bytes freely, then to the boundary; how many bytes went by. */
function lengthAtBoundary(walker: FrameWalker, bytes: Buffer, cuts: readonly number[], cutAt: number): number {
  let passed = 0
  for (const chunk of chunksOf(bytes, [...cuts, cutAt])) {
    if (passed < cutAt) {
      passed += walker.advance(chunk)
      continue
    }
    passed += walker.advance(chunk, true)
    if (walker.isFree) return passed
  }
  return walker.isFree ? passed : -1
}

const sizes = fc.oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536), fc.nat(300))
const cuts = fc.array(fc.nat(200_000), { maxLength: 12 })

interface Kind {
  readonly name: string
  readonly create: () => FrameWalker
  readonly frame: (size: number) => Buffer
}
const kinds: Kind[] = [
  {
    name: 'WebSocket',
    create: () => createFrameWalker(webSocketFrames),
    frame: size => webSocketFrame(2, Buffer.alloc(size, 0x81)),
  },
  {
    name: 'SPDY',
    create: () => createFrameWalker(spdyFrames),
    frame: size => spdyLastFrame(5, Buffer.alloc(size, 0x80)),
  },
  {
    name: 'watch events',
    create: createLineWalker,
    frame: size => Buffer.concat([Buffer.alloc(size, 0x7b), Buffer.from('\n')]),
  },
]

describe.each(kinds)('$name', ({ create, frame }) => {
  test('property: a boundary is where a frame ends, and the first that comes', () => {
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 5 }), cuts, fc.nat(400_000), (lengths, places, at) => {
        const frames = lengths.map(frame)
        const bytes = Buffer.concat(frames)
        const cutAt = at % (bytes.length + 1)
        let end = 0
        const ends = frames.map(one => (end += one.length))
        const expected = [0, ...ends].find(place => place >= cutAt)
        expect(lengthAtBoundary(create(), bytes, places, cutAt)).toBe(expected)
      }),
    )
  })

  test('property: in the midst of a frame there is none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 400 }), cuts, (size, places) => {
        const bytes = frame(size)
        const walker = create()
        for (const chunk of chunksOf(bytes.subarray(0, bytes.length - 1), places)) walker.advance(chunk)
        expect(walker.isFree).toBe(false)
        walker.advance(bytes.subarray(bytes.length - 1))
        expect(walker.isFree).toBe(true)
      }),
    )
  })
})

describe('a WebSocket', () => {
  const walked = (...frames: Buffer[]) => {
    const walker = createFrameWalker(webSocketFrames)
    for (const one of frames) walker.advance(one)
    return walker
  }
  const fragment = (first: number, text: string) =>
    Buffer.concat([Buffer.from([first, text.length]), Buffer.from(text)])

  test('is not free within a message of several frames, also when a ping comes between', () => {
    expect(walked(fragment(0x02, 'a')).isFree).toBe(false)
    expect(walked(fragment(0x02, 'a'), fragment(0x89, 'ping')).isFree).toBe(false)
    expect(walked(fragment(0x02, 'a'), fragment(0x89, 'ping'), fragment(0x80, 'b')).isFree).toBe(true)
  })
  test('is over after its close frame, and after a length that is none', () => {
    expect(walked(closeFrame('bye'))).toMatchObject({ isFree: false, isOver: true })
    const endless = Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255, 1])
    expect(walked(endless)).toMatchObject({ isFree: false, isOver: true })
  })
  test('knows whether the result of a command has been told', () => {
    expect(walked(webSocketFrame(2, Buffer.from('\u0001out'))).hasResult).toBe(false)
    expect(walked(webSocketFrame(2, Buffer.from('\u0003{"status":"Success"}'))).hasResult).toBe(true)
    expect(walked(webSocketFrame(1, Buffer.from('3e30='))).hasResult).toBe(true)
    expect(walked(fragment(0x89, '\u0003')).hasResult).toBe(false)
  })
  test('SPDY: the result comes on the first stream of the client', () => {
    const walker = createFrameWalker(spdyFrames)
    walker.advance(Buffer.from([0x80, 3, 0, 2, 0, 0, 0, 1, 1]))
    walker.advance(spdyLastFrame(3, Buffer.from('out')))
    expect(walker.hasResult).toBe(false)
    walker.advance(spdyLastFrame(1, Buffer.from('{}')))
    expect(walker.hasResult).toBe(true)
  })
})

describe('the last word', () => {
  const json = JSON.stringify(status)
  const command = { isCommand: true } as const
  const close = closeFrame(status.message)

  test.each(['v4.channel.k8s.io', 'v5.channel.k8s.io'])('on a WebSocket with %s', protocol => {
    const bytes = farewellOf({ ...command, upgrade: 'websocket', protocol }, status)
    const body = Buffer.concat([Buffer.from([3]), Buffer.from(json)])
    expect(bytes.equals(Buffer.concat([Buffer.from([0x82, 126, 0, body.length]), body, close]))).toBe(true)
  })
  test('on a WebSocket in base64, and on one that is no command', () => {
    const bytes = farewellOf({ ...command, upgrade: 'websocket', protocol: 'v4.base64.channel.k8s.io' }, status)
    const text = `3${Buffer.from(json).toString('base64')}`
    expect(bytes.subarray(4, 4 + text.length).toString()).toBe(text)
    expect(bytes[0]).toBe(0x81)
    const other = farewellOf({ isCommand: false, upgrade: 'websocket', protocol: 'v5.channel.k8s.io' }, status)
    expect(other.equals(close)).toBe(true)
  })
  test('on SPDY: a last frame on the error stream, a sentence before v4, and a GOAWAY where there is no command', () => {
    const bytes = farewellOf({ ...command, upgrade: 'spdy', protocol: 'v4.channel.k8s.io' }, status)
    expect([...bytes.subarray(0, 8)]).toEqual([0, 0, 0, 1, 1, 0, json.length >> 8, json.length & 0xff])
    expect(bytes.subarray(8).toString()).toBe(json)
    const older = farewellOf({ ...command, upgrade: 'spdy', protocol: 'v3.channel.k8s.io' }, status)
    expect(older.subarray(8).toString()).toBe(status.message)
    const other = farewellOf({ isCommand: false, upgrade: 'spdy', protocol: 'portforward.k8s.io' }, status)
    expect([...other.subarray(0, 8)]).toEqual([0x80, 3, 0, 7, 0, 0, 0, 8])
  })
  test('a close frame has 125 bytes at most, and cuts no character in two', () => {
    for (const long of ['é'.repeat(200), 'a'.repeat(500), `${'a'.repeat(122)}€`]) {
      const frame = closeFrame(long)
      expect(frame.readUInt16BE(2)).toBe(1008)
      expect(frame.length).toBeLessThanOrEqual(127)
      expect(long.startsWith(new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(4)))).toBe(true)
    }
  })
  test('of a watch is an event of its own', () => {
    expect(JSON.parse(watchError(status).toString())).toEqual({ type: 'ERROR', object: status })
  })
})

describe('a refusal', () => {
  const why = refusal(403, 'alice may not create pods/exec in payments', 'log in afresh')
  test.each(['/api', '/apis', '/api/v1', '/apis/apps', '/apis/apps/v1', '/openapi/v3', '/version', '/api?timeout=32s'])(
    'is plain text on %s, the only thing that kubectl prints there',
    target => {
      expect(textOf(why, 'r', target).type).toBe('text/plain; charset=utf-8')
      expect(textOf(refusal(401, 'x'), 'r', target).type).toBe('application/json')
    },
  )
  test.each(['/api/v1/pods', '/apis/apps/v1/deployments', '/versions', '/healthz', ''])('is a Status on %j', target => {
    const { type, body } = textOf(why, 'r-7', target)
    expect(type).toBe('application/json')
    expect(JSON.parse(body)).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'alice may not create pods/exec in payments; log in afresh (request r-7)',
      reason: 'Forbidden',
      code: 403,
    })
  })
})

test.each([
  ['/api/v1/pods?watch=1', { isWatch: true }],
  ['/api/v1/pods?watch=true&limit=1', { isWatch: true }],
  ['/api/v1/pods?watch=', { isWatch: true }],
  ['/api/v1/watch/pods', { isWatch: true }],
  ['/api/v1/pods?watch=false', { isWatch: false }],
  ['/api/v1/namespaces/a/services/b/proxy/x?watch=1', { isWatch: false, isProxied: true }],
  ['/api/v1/namespaces/a/pods/b/log?follow=true', { isFollow: true }],
  ['/api/v1/namespaces/a/pods/b/log', { isFollow: false }],
  ['/api/v1/namespaces/a/pods/b/exec?command=x', { isCommand: true }],
  ['/api/v1/namespaces/a/pods/exec', { isCommand: false }],
  ['/api/v1/namespaces/a/pods/b/portforward', { isCommand: false }],
])('%s is meant to be %j', (target, kind) => {
  expect(kindOf(target)).toMatchObject(kind)
})
