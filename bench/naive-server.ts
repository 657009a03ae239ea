/**
 * The same packages put together as their READMEs show: Express, helmet, express-session over connect-redis (its memory
 * store when there is no Redis), passport, stock Casbin with a few rows. It does less than the service: no canonical
 * form, no host-bound cookie, no assertion, no audit line, no metric.
 */
import type { AddressInfo } from 'node:net'
import { newEnforcer, newModelFromString, StringAdapter } from 'casbin'
import { RedisStore } from 'connect-redis'
import express, { type Request } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import passport from 'passport'
import { createClient } from 'redis'
import { casbinModel, casbinRows } from './rules.ts'

const alice = { id: 'alice', email: 'alice@example.com', name: 'Alice Archer', groups: ['ops', 'wiki-editors'] }
const header = (request: Request, name: string): string => request.get(name) ?? ''

export interface NaiveOptions {
  readonly rows: number
  /** Absent: sessions in memory. */
  readonly redisUrl?: string
}

export async function runNaiveServer({ rows, redisUrl }: NaiveOptions): Promise<void> {
  const store = redisUrl === undefined ? undefined : new RedisStore({ client: await connect(redisUrl) })
  const enforcer = await newEnforcer(newModelFromString(casbinModel), new StringAdapter(casbinRows(rows)))
  for (const group of alice.groups) await enforcer.addGroupingPolicy(alice.id, group)
  passport.serializeUser((user, done) => done(null, user))
  passport.deserializeUser((user: Express.User, done) => done(null, user))

  const app = express()
  app.use(helmet())
  const settings = { secret: 'only for the bench', resave: false, saveUninitialized: false }
  app.use(session(store === undefined ? settings : { ...settings, store }))
  app.use(passport.initialize())
  app.use(passport.session())
  app.get('/login', (request, response, next) => {
    request.logIn(alice, error => (error === undefined ? response.send('logged in') : next(error)))
  })
  app.get('/verify', async (request, response) => {
    const user = request.user as typeof alice | undefined
    if (user === undefined) return void response.redirect('/login')
    const path = header(request, 'X-Forwarded-Uri').split('?')[0]
    const domain = header(request, 'X-Forwarded-Host')
    if (!(await enforcer.enforce(user.id, domain, path, header(request, 'X-Forwarded-Method')))) {
      return void response.sendStatus(403)
    }
    response.set({
      'Cache-Control': 'no-store',
      'Content-Length': '0',
      'Remote-User': user.id,
      'Remote-Email': user.email,
    })
    response
      .set({ 'Remote-Name': user.name, 'Remote-Groups': user.groups.join(',') })
      .status(200)
      .end()
  })
  const server = app.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}

async function connect(url: string) {
  const client = createClient({ url })
  await client.connect()
  return client
}
