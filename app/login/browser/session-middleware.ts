/**
 * express-session and passport on the auth host: the login session, read from the store, or 503.
 *
 * express-session goes on without a session when its store is down, and a page would then take the person for nobody.
 */
import { randomBytes } from 'node:crypto'
import type { Request, RequestHandler, Response } from 'express'
import session, { type Store } from 'express-session'
import passport from 'passport'
import type { Clock } from '../../clock.ts'
import { asOperational } from '../../errors.ts'
import type { LoginSession } from '../../sessions/login-session.ts'
import type { Logger } from '../logger.ts'
import { describeError } from '../provider/describe-error.ts'

/** Knows how a user goes into a session and comes out. */
export type Authenticator = InstanceType<typeof passport.Passport>

export interface SessionMiddlewareOptions {
  readonly store: Store
  /** The first one signs the cookie, all of them are accepted. */
  readonly secrets: readonly string[]
  /** The public URL is https. */
  readonly isSecure: boolean
  /** When a login ends at the latest, in seconds since the epoch. */
  readonly endOf: (login: LoginSession) => number
  /** How long the cookie of somebody who chose to stay logged in lasts; `undefined`: as long as the browser runs. */
  readonly rememberedSeconds: (login: LoginSession) => number | undefined
  /** Default `__Host-sallyport-login`, or `sallyport-login` when the public URL is http. */
  readonly cookieName?: string
  /** The login that stands in a session, or `undefined` for a shape that is not ours. */
  readonly parseLogin: (user: unknown) => LoginSession | undefined
  readonly clock: Clock
  readonly logger: Logger
}

export interface SessionMiddleware {
  /** Sets `request.session` and, for somebody who is logged in, `request.user`. */
  readonly handler: RequestHandler
  /** Strategies have to run through this one. */
  readonly passport: Authenticator
  /** For a new login, once the session has its id: the cookie outlives the browser where the person chose that. */
  readonly keepCookie: (request: Request, login: LoginSession) => void
  /** For a session that has ended. */
  readonly clearCookie: (response: Response) => void
}

export function createSessionMiddleware(options: SessionMiddlewareOptions): SessionMiddleware {
  const authenticator = createAuthenticator(options)
  const steps = [
    declareSecure(options.isSecure),
    guardStore(createSession(options), options.logger),
    authenticator.initialize(),
    authenticator.session(),
  ] as RequestHandler[]
  return {
    handler: chain(steps),
    passport: authenticator,
    keepCookie: (request, login) => {
      const seconds = options.rememberedSeconds(login)
      if (seconds !== undefined) request.session.cookie.maxAge = seconds * 1000
    },
    clearCookie: response => response.clearCookie(cookieNameOf(options), cookieAttributes(options)),
  }
}

/** The login session of this request; `undefined` for nobody. */
export const loginOf = (request: Request): LoginSession | undefined => request.user as LoginSession | undefined

function createSession(options: SessionMiddlewareOptions): RequestHandler {
  return session({
    store: options.store,
    secret: [...options.secrets],
    name: cookieNameOf(options),
    genid: () => randomBytes(32).toString('base64url'),
    resave: false,
    saveUninitialized: false,
    cookie: cookieAttributes(options),
  })
}

const cookieNameOf = ({ cookieName, isSecure }: SessionMiddlewareOptions): string =>
  cookieName ?? (isSecure ? '__Host-sallyport-login' : 'sallyport-login')

const cookieAttributes = ({ isSecure }: SessionMiddlewareOptions) =>
  ({ httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/' }) as const

/**
 * The hop from the proxy is http. That the browser's is https is known from the configuration; a header that says so
 * could come from anyone.
 */
const declareSecure =
  (isSecure: boolean): RequestHandler =>
  (request, _response, next) => {
    Object.defineProperty(request, 'secure', { value: isSecure, configurable: true })
    next()
  }

/** express-session calls back a second time when a save fails after the answer has begun: too late for anything but the log. */
function guardStore(handler: RequestHandler, logger: Logger): RequestHandler {
  return (request, response, next) => {
    let isDone = false
    handler(request, response, (error?: unknown) => {
      if (isDone) {
        logger.error({ reason: describeError(error) }, 'session could not be saved')
        return
      }
      isDone = true
      if (error === undefined && request.session !== undefined) next()
      else next(asOperational(error, 'ERR_STORE_UNAVAILABLE', 'the session store does not answer'))
    })
  }
}

function createAuthenticator(options: SessionMiddlewareOptions): Authenticator {
  const authenticator = new passport.Passport()
  authenticator.serializeUser((user, done) => done(null, user))
  authenticator.deserializeUser((stored: unknown, done) => {
    const login = options.parseLogin(stored)
    const isAlive = login !== undefined && options.endOf(login) > options.clock.now() / 1000
    done(null, isAlive ? login : false)
  })
  return authenticator
}

function chain(handlers: readonly RequestHandler[]): RequestHandler {
  return (request, response, next) => {
    const run = (index: number): void => {
      const handler = handlers[index]
      if (handler === undefined) next()
      else handler(request, response, (error?: unknown) => (error === undefined ? run(index + 1) : next(error)))
    }
    run(0)
  }
}
