/** Keys and assertions as the service makes them, published on loopback, and forgeries of every kind. */
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createAssertionRoutes } from '../../app/assertion/routes.ts'
import { createAssertionSigner } from '../../app/assertion/sign.ts'
import { createSigningKeys, type SigningAlgorithm } from '../../app/assertion/signing-keys.ts'
import { close, listen } from '../provider.ts'
import { movableClock, sharedStore } from './fixtures.ts'

export type Claims = Readonly<Record<string, unknown>>
export type KeyServer = Awaited<ReturnType<typeof startKeyServer>>

const rotateEverySeconds = 86_400

export async function startKeyServer(algorithm: SigningAlgorithm, { port = 0 } = {}) {
  // Examples look at the clock of the machine. The middle of an epoch: no key changes while a test runs.
  const keyClock = movableClock(Date.now())
  const { store } = sharedStore(keyClock)
  const keys = createSigningKeys({ store, algorithm, rotateEverySeconds, clock: keyClock, onError: () => undefined })
  await keys.start()
  let fetches = 0
  const app = express()
  app.use((_request, _response, next) => {
    fetches += 1
    next()
  })
  app.use(createAssertionRoutes(keys))
  const server = createServer(app)
  const issuer = `http://127.0.0.1:${await listen(server, port)}`
  const signerOptions = { keys, issuer, lifetimeSeconds: 60 }

  return {
    issuer,
    keys,
    fetches: () => fetches,
    sign: createAssertionSigner({ ...signerOptions, clock: { now: () => Date.now() } }),
    /** As it was made some seconds ago, or will be. */
    signAt: (offsetSeconds: number) =>
      createAssertionSigner({ ...signerOptions, clock: { now: () => Date.now() + offsetSeconds * 1_000 } }),
    /** The next epoch begins: its key was published all the time. */
    rotate: async () => {
      keyClock.advanceSeconds(rotateEverySeconds)
      await keys.start()
    },
    close: async () => {
      keys.close()
      await close(server)
    },
  }
}

export const partsOf = (token: string): { header: Claims; claims: Claims } => {
  const [header = '', claims = ''] = token.split('.')
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims
  return { header: parse(header), claims: parse(claims) }
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token signed with a key in the way of `header.alg`, whatever it says beside. */
export function forge(header: Claims, claims: Claims, key: KeyObject): string {
  const signed = `${encode(header)}.${encode(claims)}`
  const bytes = Buffer.from(signed)
  const signature =
    header.alg === 'ES256'
      ? signBytes('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
      : signBytes(null, bytes, key)
  return `${signed}.${signature.toString('base64url')}`
}

export function forgeHmac(header: Claims, claims: Claims, secret: string): string {
  const signed = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

export const unsigned = (header: Claims, claims: Claims, algorithm: string): string =>
  `${encode({ ...header, alg: algorithm })}.${encode(claims)}.`

export const foreignKey = (algorithm: SigningAlgorithm): KeyObject =>
  algorithm === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    : generateKeyPairSync('ed25519').privateKey
