/** HAProxy goes on when its Lua fails: whatever becomes of a check, nobody is let in by it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { requirePeer } from '../../peers.ts'
import {
  allowing,
  closing,
  type Lab,
  type LabOptions,
  refusing,
  startLab,
  statusesOf,
  talk,
  type Verdict,
} from './lab.ts'

const isAbsent = requirePeer('haproxy') === undefined
const cut = (bytes: string): Verdict => ({ bytes, isEnd: true })
const allowed = allowing({ 'Remote-User': 'alice' })
const whole = '\r\nContent-Length: 0\r\n\r\n'

/** None of them is an answer of Sallyport's that allows. */
const answers: readonly (readonly [string, Verdict])[] = [
  ['nothing', cut('')],
  ['half a status line', cut('HTTP/1.1 20')],
  ['a status line alone', cut('HTTP/1.1 200 OK\r\n')],
  ['half the headers', cut(allowed.slice(0, allowed.indexOf('Cookie')))],
  ['all headers and no end of them', cut(allowed.slice(0, -2))],
  ['a body that is cut off', cut(allowed.replace(whole, '\r\nContent-Length: 9\r\n\r\nabc'))],
  ['chunks that are cut off', cut(allowed.replace(whole, '\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'))],
  ['a body without a length', cut(allowed.replace(whole, '\r\n\r\nabc'))],
  ['hints, and then nothing', cut('HTTP/1.1 103 Early Hints\r\nRemote-User: alice\r\n\r\n')],
  ['a switch of protocols', cut(allowed.replace('200 OK', '101 Switching Protocols'))],
  ['204', allowed.replace('200 OK', '204 No Content')],
  ['206', allowed.replace('200 OK', '206 Partial Content')],
  ['200 of another program', refusing(200)],
  ['200 without one of the identity headers', allowed.replace('X-Sallyport-Assertion: \r\n', '')],
  ['200 without a Cookie', allowed.replace('Cookie: \r\n', '')],
  ['200 with two users', allowed.replace('Remote-User: alice', 'Remote-User: alice\r\nRemote-User: bob')],
  ['200 with two cookies to set', allowing({}, 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n')],
  ['another protocol', cut('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a second HTTP/1.1 200 in place of headers', cut(`${allowed.split('\r\n')[0]}\r\n${allowed.slice(0, 40)}`)],
]

describe.skipIf(isAbsent)('a check of HAProxy', () => {
  let lab: Lab
  const open = async (options: LabOptions): Promise<void> => {
    lab = await startLab(options)
  }
  const ask = () => talk(lab.port, closing('GET /public/page HTTP/1.1'))
  /** Nobody got through, and who asked was told that it is no fault of theirs. */
  const expectClosed = (answer: string): void => {
    expect(statusesOf(answer)).toEqual([expect.toSatisfy((status: number) => status >= 500)])
    expect(lab.reached).toEqual([])
  }

  describe('that is answered', () => {
    beforeAll(() => open({ judge: () => allowed }))
    afterAll(() => lab.stop())
    afterEach(() => void lab.reached.splice(0))

    it.each(answers)('A29 with %s lets nobody in', async (_name, verdict) => {
      lab.judge = () => verdict
      expectClosed(await ask())
      lab.judge = () => allowed
      expect(statusesOf(await ask())).toEqual([200])
      expect(lab.reached).toHaveLength(1)
    })

    it('A30 by nobody lets nobody in, not over a connection that is open already', async () => {
      expect(statusesOf(await ask())).toEqual([200])
      lab.reached.splice(0)
      await lab.stopJudge()
      expectClosed(await ask())
    })
  })

  describe('that is answered too late', () => {
    const patience = (text: string) => text.replace('timeout server 10s', 'timeout server 200ms')
    beforeAll(() => open({ judge: () => undefined, edit: { 'haproxy.cfg': patience } }))
    afterAll(() => lab.stop())

    it('A30 lets nobody in, and the late answer counts for nobody after it', async () => {
      expectClosed(await ask())
      for (const socket of lab.waiting) socket.write(allowed)
      lab.judge = () => refusing(403)
      expect(statusesOf(await ask())).toEqual([403])
      expect(lab.reached).toEqual([])
    })
  })

  const begin = 'function(txn, address)\n'
  const end = "  txn:set_var('txn.sallyport_allowed', true)\n"
  const mistakes: readonly (readonly [string, (lua: string) => string])[] = [
    ['begins with an error', lua => lua.replace(begin, `${begin}  error('x')\n`)],
    ['ends with one, when all else is done', lua => lua.replace(end, `  error('x')\n${end}`)],
    ['finds no socket', lua => lua.replace('dst = address', "dst = 'abns@nobody'")],
    ['returns and does nothing', lua => lua.replace(begin, `${begin}  if txn then return end\n`)],
    ['never ends', lua => lua.replace(begin, `${begin}  while true do end\n`)],
  ]

  describe.each(mistakes)('whose Lua %s', (_name, change) => {
    const limit = (text: string) => text.replace('global\n', 'global\n    tune.lua.session-timeout 200\n')
    beforeAll(() => open({ judge: () => allowed, edit: { 'sallyport.lua': change, 'haproxy.cfg': limit } }))
    afterAll(() => lab.stop())

    it('A28 lets nobody in', async () => expectClosed(await ask()))
  })

  it('whose line that denies is missing would be open: it is the line that closes the door', async () => {
    const withoutDeny = (text: string) => text.replace(/^ +http-request deny deny_status 503 unless .*\n/m, '')
    const failing = (lua: string) => lua.replace(begin, `${begin}  error('x')\n`)
    await open({ judge: () => refusing(403), edit: { 'haproxy.cfg': withoutDeny, 'sallyport.lua': failing } })
    try {
      expect(statusesOf(await ask())).toEqual([200])
    } finally {
      await lab.stop()
    }
  })
})
