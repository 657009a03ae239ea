/** A login of kubectl whose every step reaches another replica: what one gives out, the others know, and nothing counts twice. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningRedis, requirePeer, startRedis } from '../peers.ts'
import type { TestBrowser } from '../service.ts'
import {
  authorize,
  clientId,
  deviceGrantType,
  type GrantWorld,
  logInBrowser,
  newProof,
  type OAuthAnswer,
  type Proof,
  press,
  redirectUri,
  startGrantWorld,
  visit,
} from './world.ts'

const hasRedis = requirePeer('redis-server') !== undefined

describe.each(['lmdb', 'redis'] as const)('two replicas on %s', store => {
  describe.runIf(store === 'lmdb' || hasRedis)('of the endpoints of kubectl', () => {
    let redis: RunningRedis | undefined
    let world: GrantWorld
    let alice: TestBrowser
    beforeAll(async () => {
      if (store === 'redis') redis = await startRedis()
      const sessions = { verifyEvery: '0s', ...(redis === undefined ? {} : { store, url: redis.url }) }
      world = await startGrantWorld({ replicas: 2, settings: { sessions } })
      alice = await logInBrowser(world.service, 'alice')
    })
    afterAll(async () => {
      await world?.close()
      await redis?.stop()
    })

    /** What programs ask of each of them, under the name that all of them have. */
    const ask = (index: number, path: string, form: Readonly<Record<string, string>>) =>
      postTo(world.service.replica(index).port, new URL(world.service.publicUrl).host, path, form)
    const redeemAt = (index: number, code: string, { verifier }: Proof) =>
      ask(index, '/kube/token', {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
      })
    const refreshAt = (index: number, token: unknown) =>
      ask(index, '/kube/token', { grant_type: 'refresh_token', refresh_token: String(token) })
    const statusesOf = (answers: readonly { readonly status: number }[]) => answers.map(({ status }) => status).sort()

    it('L13 a code of one is taken by the other, and by one of them alone', async () => {
      const proof = newProof()
      const code = (await authorize(world.service, alice, proof)).get('code') ?? ''
      const answers = await Promise.all([0, 1].map(index => redeemAt(index, code, proof)))
      expect(statusesOf(answers)).toEqual([200, 400])
    })

    it('L14 a refresh token goes on at the other; at both at once it is one use, and an old one ends the grant everywhere', async () => {
      const proof = newProof()
      const code = (await authorize(world.service, alice, proof)).get('code') ?? ''
      const given = (await redeemAt(1, code, proof)).body.refresh_token
      const both = await Promise.all([0, 1].map(index => refreshAt(index, given)))
      expect(statusesOf(both)).toEqual([200, 200])
      const [next, same] = both.map(({ body }) => body.refresh_token)
      expect(next).toBe(same)
      expect((await refreshAt(1, next)).status).toBe(200)
      expect((await refreshAt(0, given)).status).toBe(400)
      expect((await refreshAt(1, next)).status).toBe(400)
    })

    it('a machine asks one, its person answers at the other, and the machine is let in once', async () => {
      const { body } = await ask(1, '/kube/device', {})
      const page = await visit(alice, String(body.verification_uri_complete))
      expect((await press(alice, world.service, page.text, { decision: 'allow' })).text).toContain('goes on by itself')
      const poll = { grant_type: deviceGrantType, device_code: String(body.device_code) }
      const answers = await Promise.all([0, 1].map(index => ask(index, '/kube/token', poll)))
      expect(statusesOf(answers)).toEqual([200, 400])
    })
  })
})

function postTo(
  port: number,
  host: string,
  path: string,
  form: Readonly<Record<string, string>>,
): Promise<OAuthAnswer> {
  const headers = { host, 'content-type': 'application/x-www-form-urlencoded' }
  return new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false }, response => {
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
    })
    asking.once('error', reject)
    asking.end(new URLSearchParams({ client_id: clientId, ...form }).toString())
  })
}
