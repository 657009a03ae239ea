/**
 * An application behind Sallyport that knows who is asking, in Node. Needs `npm install jose`.
 *
 *   SALLYPORT_ISSUER  the public address of Sallyport (`server.url`, or `assertion.issuer` where that is set)
 *   SALLYPORT_KEYS    address of its keys; by default the issuer and /.well-known/jwks.json
 *   APP_ORIGIN        this application as browsers see it, such as https://wiki.example.com
 *   PORT              by default 8000
 */
import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

const issuer = required('SALLYPORT_ISSUER')
const audience = required('APP_ORIGIN')
const keysUrl = new URL(process.env.SALLYPORT_KEYS ?? `${issuer}/.well-known/jwks.json`)

// Keys are kept for five minutes. A `kid` that is not among them is looked up at most once in thirty seconds, so that
// nobody can use this application to flood Sallyport.
const keys = createRemoteJWKSet(keysUrl, { cacheMaxAge: 300_000, cooldownDuration: 30_000, timeoutDuration: 2_000 })

/** The claims of an assertion. Throws when it is not good for this application, now; or when there are no keys. */
async function verify(assertion) {
  const { payload } = await jwtVerify(assertion, keys, {
    issuer,
    audience,
    // Never what the token asks for: `none` and HMAC with a published key would be among it.
    algorithms: ['ES256', 'EdDSA'],
    typ: 'JWT',
    requiredClaims: ['sub', 'iat', 'exp'],
    // With it, jose looks at `iat` at all, and refuses one of the future.
    maxTokenAge: '1h',
    clockTolerance: 5,
  })
  return payload
}

/** Whether the token is to blame, not the network: everything that jose says of tokens has one of these codes. */
const isRefusal = error =>
  /^ERR_(JWT_|JWS_|JOSE_ALG_NOT_ALLOWED|JOSE_NOT_SUPPORTED|JWKS_(NO|MULTIPLE)_MATCHING)/.test(error?.code ?? '')

const server = createServer(async (request, response) => {
  try {
    // Two of them arrive joined by a comma, and are refused: it would be a guess which one counts.
    const person = await verify(request.headers['x-sallyport-assertion'] ?? '')
    answer(response, 200, { sub: person.sub, name: person.name, groups: person.groups })
  } catch (error) {
    // Without keys nobody is let in, and nobody is told that it was their fault.
    answer(response, isRefusal(error) ? 401 : 503, {})
  }
})

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(JSON.stringify(body))
}

function required(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`)
})
