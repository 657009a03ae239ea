/**
 * The demo checks itself: the whole story, from a stranger's first request to the log-out, through the same proxy and
 * the same Sallyport that a person sees. Each line of the result is one sentence that is true or not.
 */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { type Browser, createBrowser, type HttpResponse, navigation, type RequestOptions, request } from './browser.ts'
import { type Chapter, type Check, type CheckResult, runChapters } from './chapters.ts'
import type { Echo } from './echo.ts'
import {
  describeResponse,
  expect,
  expectArrival,
  expectHeader,
  expectRedirect,
  expectStatus,
  expectUnforged,
  linkTo,
} from './expectations.ts'
import { findPerson } from './people.ts'
import { choosePerson, isProviderPage, logIn, logOut } from './session.ts'

type Origin = (name: string) => string

interface Cast {
  readonly origin: Origin
  readonly alice: Browser
  readonly bob: Browser
  readonly carol: Browser
}

/** Runs the story in order; a failed line does not stop the next one. */
export async function runStory(
  origin: Origin,
  onResult: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const cast = { origin, alice: createBrowser(), bob: createBrowser(), carol: createBrowser() }
  const chapters: readonly Chapter[] = [
    ['Nobody is logged in', strangers(origin)],
    ['Alice, operations', alice(cast)],
    ['What the application receives', headers(cast)],
    ['Bob, contractor', bob(cast)],
    ['Carol, no group', carol(cast)],
    ['Log out', ending(cast)],
  ]
  return runChapters(chapters, onResult)
}

function strangers(origin: Origin): readonly Check[] {
  const visitor = createBrowser()
  return [
    [
      'a browser is sent to the login page',
      async () => expectRedirect(await visitor.open(`${origin('wiki')}/`), origin('auth')),
    ],
    [
      'and ends at the identity provider',
      async () => {
        const page = await createBrowser().visit(`${origin('payroll')}/salaries`)
        expect(isProviderPage(page), `the person chooser, got ${describeResponse(page)}`)
      },
    ],
    ['a script gets 401, not a redirect', async () => expectStatus(await asProgram(origin('wiki')), 401)],
    [
      'a form that is sent gets 401',
      async () => expectStatus(await asProgram(origin('wiki'), { method: 'POST', body: 'a=1' }), 401),
    ],
    [
      'the public page is open, and names nobody',
      async () =>
        expectHeader(await echo(createBrowser(), `${origin('wiki')}/public/welcome`), 'remote-user', undefined),
    ],
    [
      'a forged identity on the public page is removed',
      async () => {
        const seen = await echo(createBrowser(), `${origin('wiki')}/public/welcome`, forged)
        for (const name of identityHeaders) expectHeader(seen, name, undefined)
      },
    ],
    [
      'another path cannot pose as the public one',
      async () => {
        const response = await request(`${origin('wiki')}/`, { headers: navigation, target: '/public/../secrets' })
        expect(response.status !== 200, `no page, got ${describeResponse(response)}`)
      },
    ],
  ]
}

function alice({ origin, alice }: Cast): readonly Check[] {
  return [
    [
      'logs in and gets the page that she asked for',
      async () =>
        expectArrival(await logIn(alice, `${origin('wiki')}/notes?page=2`, 'alice'), `${origin('wiki')}/notes?page=2`),
    ],
    [
      'may open payroll without a second login',
      async () => expectArrival(await alice.visit(`${origin('payroll')}/salaries`), `${origin('payroll')}/salaries`),
    ],
    [
      'may change things there',
      async () => expectStatus(await alice.open(`${origin('payroll')}/salaries`, { method: 'POST', body: 'a=1' }), 200),
    ],
  ]
}

const identityHeaders = [
  'remote-user',
  'remote-email',
  'remote-name',
  'remote-groups',
  'x-sallyport-assertion',
] as const

/** What Mallory would send to be somebody. */
const forged: RequestOptions = {
  headers: {
    'Remote-User': 'mallory',
    'Remote-Email': 'mallory@example.com',
    'Remote-Name': 'Mallory',
    'Remote-Groups': 'ops',
    'X-Sallyport-Assertion': 'e30.e30.e30',
    Remote_User: 'mallory',
    'X-Forwarded-Uri': '/public/welcome',
    'X-Original-URL': 'http://wiki.localhost/public/welcome',
  },
}

function headers({ origin, alice }: Cast): readonly Check[] {
  const page = `${origin('wiki')}/notes`
  const person = findPerson('alice')
  const expected: readonly (readonly [string, string | undefined])[] = [
    ['Remote-User', person?.id],
    ['Remote-Email', person?.email],
    ['Remote-Name', person?.name],
    ['Remote-Groups', person?.groups.join(',')],
  ]
  return [
    ...expected.map(
      ([name, value]): Check => [`${name} is ${value}`, async () => expectHeader(await echo(alice, page), name, value)],
    ),
    ['forged headers are overwritten', async () => expectUnforged(await echo(alice, page, forged), expected)],
    ['the assertion is signed for this application', async () => verifyAssertion(origin, await echo(alice, page))],
    [
      "Sallyport's cookie does not arrive, the application's own does",
      async () => {
        alice.setCookie(page, 'theme', 'dark')
        expectHeader(await echo(alice, page), 'cookie', 'theme=dark')
      },
    ],
    [
      'its cookie is worthless at another application',
      async () => {
        const cookie = alice.cookieFor(page)
        const response = await request(`${origin('payroll')}/`, { headers: { ...navigation, cookie } })
        expectRedirect(response, origin('auth'))
      },
    ],
  ]
}

function bob({ origin, bob }: Cast): readonly Check[] {
  const payroll = `${origin('payroll')}/salaries`
  return [
    [
      'logs in and reads the wiki',
      async () => expectArrival(await logIn(bob, `${origin('wiki')}/`, 'bob'), `${origin('wiki')}/`),
    ],
    [
      'is refused at payroll, by name',
      async () => {
        const page = await bob.visit(payroll)
        expectStatus(page, 403)
        expect(page.body.includes('bob@example.com'), 'a page that says who was refused')
      },
    ],
    [
      'a script of his gets 403 as well',
      async () => expectStatus(await asProgram(payroll, { headers: { cookie: bob.cookieFor(payroll) } }), 403),
    ],
  ]
}

function carol({ origin, carol }: Cast): readonly Check[] {
  const payroll = `${origin('payroll')}/salaries`
  return [
    ['logs in and is refused at payroll', async () => expectStatus(await logIn(carol, payroll, 'carol'), 403)],
    ['reads the wiki', async () => expectArrival(await carol.visit(`${origin('wiki')}/`), `${origin('wiki')}/`)],
    ['has no groups', async () => expectHeader(await echo(carol, `${origin('wiki')}/`), 'remote-groups', undefined)],
    [
      'can switch to another account and is let in',
      async () => {
        const denied = await carol.visit(payroll)
        const chooser = await carol.visit(linkTo(denied, /href="([^"]*prompt=login[^"]*)"/))
        expectArrival(await choosePerson(carol, chooser, 'alice'), payroll)
      },
    ],
  ]
}

function ending({ origin, alice }: Cast): readonly Check[] {
  const wiki = `${origin('wiki')}/`
  let oldCookie = ''
  return [
    [
      'Alice logs out',
      async () => {
        oldCookie = alice.cookieFor(wiki)
        const page = await logOut(alice, wiki)
        expect(
          new URL(page.url).origin === origin('auth') && page.status === 200,
          `the signed-out page, got ${describeResponse(page)}`,
        )
      },
    ],
    ['the wiki asks for a login again', async () => expectRedirect(await alice.open(wiki), origin('auth'))],
    ['so does payroll', async () => expectRedirect(await alice.open(`${origin('payroll')}/`), origin('auth'))],
    [
      'her old cookie is refused',
      async () => expectStatus(await asProgram(wiki, { headers: { cookie: oldCookie } }), 401),
    ],
    [
      'the identity provider asks who she is',
      async () => expect(isProviderPage(await alice.visit(wiki)), 'the person chooser'),
    ],
  ]
}

/** A request as `fetch` in a page makes it. */
function asProgram(url: string, options: RequestOptions = {}): Promise<HttpResponse> {
  return request(url, {
    ...options,
    headers: { accept: 'application/json', 'sec-fetch-mode': 'cors', ...options.headers },
  })
}

/** What the application behind the proxy received. */
async function echo(browser: Browser, url: string, options: RequestOptions = {}): Promise<Echo> {
  const response = await browser.open(url, { ...options, headers: { ...options.headers, accept: 'application/json' } })
  expectStatus(response, 200)
  return JSON.parse(response.body) as Echo
}

async function verifyAssertion(origin: Origin, seen: Echo): Promise<void> {
  const keys = JSON.parse((await request(`${origin('auth')}/.well-known/jwks.json`)).body) as JSONWebKeySet
  const token = seen.headers.find(([name]) => name.toLowerCase() === 'x-sallyport-assertion')?.[1] ?? ''
  const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
    issuer: origin('auth'),
    audience: origin('wiki'),
  })
  expect(payload.sub === `${origin('idp')}#alice`, `Alice as its subject, got ${payload.sub}`)
  expect(JSON.stringify(payload.groups) === '["ops"]', `her groups, got ${JSON.stringify(payload.groups)}`)
}
