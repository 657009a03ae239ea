/** The whole service with a real Keycloak: what a provider of the wild does, not what one in this process would. */

import { setTimeout as delay } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { KeycloakVisitor, type RunningKeycloak, requireKeycloak, startKeycloak } from '../keycloak.ts'
import { keycloakClient } from '../keycloak-realm.ts'
import { leadsTo, type Person } from '../provider.ts'
import { cookiePair, header, navigation, startService, TestBrowser, type TestService } from '../service.ts'

const folder = requireKeycloak()
const wiki = 'http://wiki.localhost'
const policy = `
p, authenticated, wiki.localhost, /,         *, -, allow
p, group:ops,     wiki.localhost, /admin/**, *, -, allow
`

describe.skipIf(folder === undefined)('with Keycloak', () => {
  let keycloak: RunningKeycloak
  let world: TestService

  beforeAll(async () => {
    keycloak = await startKeycloak(folder ?? '')
    world = await startService({
      policy,
      providers: corp => [{ ...corp, issuer: keycloak.issuer, ...keycloakClient, scopes: ['profile', 'email'] }],
    })
    await keycloak.changeClient({
      redirectUris: [`${world.publicUrl}/callback/corp`],
      attributes: {
        'post.logout.redirect.uris': `${world.publicUrl}/signed-out`,
        'backchannel.logout.url': `${world.publicUrl}/backchannel-logout/corp`,
        'backchannel.logout.session.required': 'true',
      },
    })
  }, 300_000)

  afterAll(async () => {
    await world?.close()
    await keycloak?.stop()
  })

  let browser: TestBrowser
  let visitor: KeycloakVisitor
  beforeEach(() => {
    browser = new TestBrowser()
    visitor = new KeycloakVisitor()
  })

  const ask = (path: string, cookie: string) =>
    world.ask('forward-auth', { url: `${wiki}${path}`, cookie, headers: navigation })

  /** From the challenge at the wiki over Keycloak's form to the wiki's own cookie. */
  async function logIn(person: Person, cookie = '', query = ''): Promise<string> {
    const challenged = await ask('/', cookie)
    const pending = cookie === '' ? cookiePair(challenged) : cookie
    const atKeycloak = await follow(`${header(challenged, 'location')}${query}`)
    const handoff = await follow(await visitor.logIn(atKeycloak, person))
    return cookiePair(await world.ask('forward-auth', { url: handoff, cookie: pending, headers: navigation }))
  }

  /** Redirects of the auth host, up to where they leave it. */
  async function follow(start: string): Promise<string> {
    let url = start
    for (let step = 0; step < 5 && url.startsWith(world.publicUrl); step += 1) {
      const response = await browser.request(url)
      const location = response.headers.get('location')
      if (location === null) throw new Error(`${url} was answered with ${response.status}: ${await response.text()}`)
      url = new URL(location, url).href
    }
    return url
  }

  test('people log in, and their groups decide', async () => {
    const alice = await ask('/admin/', await logIn('alice'))
    expect(alice.status).toBe(200)
    expect(header(alice, 'remote-groups')).toBe('ops')
    expect(header(alice, 'remote-email')).toBe('alice@example.com')
    const claims = decodeJwt(header(alice, 'x-sallyport-assertion') ?? '')
    expect(claims).toMatchObject({
      sub: `${keycloak.issuer}#${await keycloak.idOf('alice')}`,
      name: 'Alice Example',
      groups: ['ops'],
      auth_time: expect.any(Number),
    })

    browser = new TestBrowser()
    visitor = new KeycloakVisitor()
    const carol = await logIn('carol')
    expect((await ask('/', carol)).status).toBe(200)
    expect((await ask('/admin/', carol)).status).toBe(403)
  })

  test('a group that was taken away is gone with the next login', async () => {
    expect(header(await ask('/', await logIn('bob')), 'remote-groups')).toBe('contractors')
    await keycloak.leaveGroup('bob', 'contractors')
    browser = new TestBrowser()
    expect(header(await ask('/', await logIn('bob')), 'remote-groups')).toBe('')
  })

  test('a login that is too old is done anew, with a password', async () => {
    const first = await logIn('alice')
    const challenged = await ask('/', '')
    const before = decodeJwt(header(await ask('/', first), 'x-sallyport-assertion') ?? '')
    const atKeycloak = await follow(`${header(challenged, 'location')}&max_age=0`)
    // Keycloak counts whole seconds.
    await delay(1_100)
    // It knows this visitor, and asks for the password all the same.
    expect(await visitor.statusOf(atKeycloak)).toBe(200)
    const handoff = await follow(await visitor.logIn(atKeycloak, 'alice'))
    const pending = cookiePair(challenged)
    const second = cookiePair(await world.ask('forward-auth', { url: handoff, cookie: pending, headers: navigation }))
    const after = decodeJwt(header(await ask('/', second), 'x-sallyport-assertion') ?? '')
    expect(after.auth_time as number).toBeGreaterThanOrEqual(before.auth_time as number)
    // The login of before was replaced, and its cookie with it.
    expect((await ask('/', first)).status).toBe(302)
  })

  test('its page posts the answer where that is asked for, and a redirect is not taken in its place', async () => {
    const posting = await startService({
      policy,
      providers: corp => [
        {
          ...corp,
          issuer: keycloak.issuer,
          ...keycloakClient,
          scopes: ['profile', 'email'],
          responseMode: 'form_post',
        },
      ],
    })
    try {
      await keycloak.changeClient({
        redirectUris: [`${world.publicUrl}/callback/corp`, `${posting.publicUrl}/callback/corp`],
      })
      const login = async () => (await browser.request(`${posting.publicUrl}/login`)).headers.get('location') ?? ''
      const { url, body } = await visitor.logInByPost(await login(), 'alice')
      expect(url).toBe(`${posting.publicUrl}/callback/corp`)
      // Another site's post: without the cookies of this browser.
      const posted = await new TestBrowser().request(url, { method: 'POST', body })
      expect(posted.status).toBe(303)
      const landed = await browser.request(new URL(posted.headers.get('location') ?? '', url).href)
      expect([landed.status, landed.headers.get('location')], posting.logText()).toEqual([303, `${posting.publicUrl}/`])
      expect(await (await browser.request(`${posting.publicUrl}/`)).text()).toContain('alice@example.com')

      browser = new TestBrowser()
      const asked = new URL(await login())
      expect(asked.searchParams.get('response_mode')).toBe('form_post')
      asked.searchParams.set('response_mode', 'query')
      const refused = await browser.request(await visitor.logIn(asked.href, 'alice'))
      expect(refused.status).toBe(403)
      expect(posting.logText()).toContain('responseMode of the provider is form_post')
    } finally {
      await posting.close()
    }
  })

  test('a new signing key is taken up, also when the old one is gone', async () => {
    const kids = new Set([await signingKey('alice')])
    await keycloak.addSigningKey('second', 200)
    kids.add(await signingKey('alice'))
    await keycloak.addSigningKey('third', 300)
    await keycloak.dropSigningKeysBut('third')
    kids.add(await signingKey('alice'))
    expect(kids.size).toBe(3)
  })

  /** Name of the key that signed the ID token of a fresh login; log-out hands the token to Keycloak. */
  async function signingKey(person: Person): Promise<string | undefined> {
    browser = new TestBrowser()
    visitor = new KeycloakVisitor()
    expect((await ask('/', await logIn(person))).status).toBe(200)
    const end = new URL(await postLogout())
    return decodeProtectedHeader(end.searchParams.get('id_token_hint') ?? '').kid
  }

  async function postLogout(): Promise<string> {
    const page = await (await browser.request(`${world.publicUrl}/logout`)).text()
    const [, token = ''] = /name="token" value="([^"]+)"/.exec(page) ?? []
    const body = new URLSearchParams({ token }).toString()
    const response = await browser.request(`${world.publicUrl}/logout`, { method: 'POST', body })
    return leadsTo(await response.text())
  }

  test('log-out ends the session here and at Keycloak, which sends back', async () => {
    const cookie = await logIn('alice')
    expect((await ask('/', cookie)).status).toBe(200)
    const end = await postLogout()
    expect(end.startsWith(`${keycloak.issuer}/protocol/openid-connect/logout?`)).toBe(true)
    expect((await ask('/', cookie)).status).toBe(302)
    // The ID token says whose session it is, so Keycloak asks nobody.
    expect(await visitor.visit(end)).toBe(`${world.publicUrl}/signed-out`)
    const again = await follow(header(await ask('/', ''), 'location') ?? '')
    expect(await visitor.statusOf(again)).toBe(200)
  })

  test('an administrator of Keycloak logs a person out, here as well, and nobody else', async () => {
    const alice = await logIn('alice')
    browser = new TestBrowser()
    visitor = new KeycloakVisitor()
    const carol = await logIn('carol')
    expect((await ask('/', alice)).status).toBe(200)
    await keycloak.logOut('alice')
    await expect.poll(async () => (await ask('/', alice)).status).toBe(302)
    expect((await ask('/', carol)).status).toBe(200)
    expect(world.auditEvents()).toContainEqual(
      expect.objectContaining({
        event: 'session.ended',
        cause: 'back-channel',
        subject: `${keycloak.issuer}#${await keycloak.idOf('alice')}`,
      }),
    )
  })

  test('a person who logs out at Keycloak, in one of two browsers, is logged out here in that one', async () => {
    const first = await logIn('alice')
    const firstVisitor = visitor
    browser = new TestBrowser()
    visitor = new KeycloakVisitor()
    const second = await logIn('alice')
    // Straight to Keycloak: nothing here knows of it but by the back channel.
    await firstVisitor.logOut(keycloak.issuer)
    await expect.poll(async () => (await ask('/', first)).status).toBe(302)
    expect((await ask('/', second)).status).toBe(200)
  })

  test('single sign-on of Keycloak needs no password', async () => {
    await logIn('alice')
    browser = new TestBrowser()
    const atKeycloak = await follow(header(await ask('/', ''), 'location') ?? '')
    expect(await visitor.statusOf(atKeycloak)).toBe(302)
  })

  // Last: the service's clock goes ahead of Keycloak's.
  test('groups follow without a login, over refresh tokens that are good once, until the person is disabled', async () => {
    const cookie = await logIn('carol')
    const groupsLater = async () => {
      world.moveClock(301)
      return header(await ask('/', cookie), 'remote-groups')
    }
    expect(header(await ask('/', cookie), 'remote-groups')).toBe('')
    await keycloak.joinGroup('carol', 'contractors')
    // Nobody is asked before the time is up.
    expect(header(await ask('/', cookie), 'remote-groups')).toBe('')
    expect(await groupsLater()).toBe('contractors')
    await keycloak.joinGroup('carol', 'ops')
    expect((await groupsLater())?.split(',').sort()).toEqual(['contractors', 'ops'])
    await keycloak.leaveGroup('carol', 'contractors')
    expect(await groupsLater()).toBe('ops')
    // With the last group Keycloak leaves the claim out, as for an account of which it says nothing more: no confirmation.
    await keycloak.leaveGroup('carol', 'ops')
    expect(await groupsLater()).toBe('ops')
    await keycloak.disable('carol')
    // Asked beside the checks, as of a provider that gave no answer.
    await groupsLater()
    await expect.poll(async () => (await ask('/', cookie)).status).toBe(302)
    await expect
      .poll(() => world.auditEvents())
      .toContainEqual(expect.objectContaining({ event: 'session.ended', cause: 'provider-refused' }))
  })
})
