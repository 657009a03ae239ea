/** Each page that people see, filled as a real one is. */
import { createPages, type PagesOptions } from '../../app/pages/create-pages.ts'
import type { Page } from '../../app/pages/pages.ts'

const now = Math.floor(Date.now() / 1000)
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const csrfToken = 'x'.repeat(43)
const seen = {
  ...{ endsAt: now + 40_000, idleUntil: now + 3000, clientAddress: '203.0.113.7', userAgent: firefox },
  hosts: [{ host: 'wiki.example.com', since: now - 300 }],
}
const providers = [
  { name: 'corp', label: 'Corporate login', url: '/login?provider=corp' },
  { name: 'guests', label: 'Guests of the research and development department', url: '/login?provider=guests' },
]
const requestId = '0123456789abcdef0123456789abcdef'
const emailForm = { action: '/login', isUnknown: true, typed: 'carol@nowhere.example' }

/** By name. */
export function renderedPages(options: PagesOptions = {}): Readonly<Record<string, Page>> {
  const pages = createPages(options)
  const denied = {
    ...{ method: 'GET', url: 'https://payroll.example.com/salaries?year=2026', requestId },
    switchAccountUrl: 'https://auth.example.com/login?prompt=login',
    logoutUrl: 'https://auth.example.com/logout',
  }
  const passwords = {
    list: [
      { handle: 'h'.repeat(16), name: 'git', hosts: ['git.example.com'], createdAt: now - 99, expiresAt: now + 9 },
    ],
    ...{ hasMore: true, loginUrl: '/login', form: { hosts: ['a.example', 'b.example'], hasOthers: true } },
  }
  const stepUp = { requestId, retryUrl: '/login', switchUrl: '/login?prompt=login' }
  const device = { userCode: 'ABCD-EFGH', now, askedAt: now - 120, clientAddress: '203.0.113.7', isOtherAddress: true }
  const consent = { who: 'alice@example.com', action: '/kube/authorize', csrfToken }
  return {
    denied: pages.denied({ ...denied, who: 'bob@example.com' }),
    deniedStranger: pages.denied(denied),
    unsentForm: pages.unsentForm({ ...denied, method: 'POST', loginUrl: 'https://auth.example.com/login' }),
    error: pages.error({ status: 503, sentence: 'The policy is not loaded yet.', requestId, retryUrl: '/login' }),
    notFound: pages.error({ status: 404, sentence: 'There is nothing here.', requestId, retryUrl: '/' }),
    stepUpFailed: pages.stepUpFailed({ ...stepUp, asked: [['Method', 'otp or hwk']], delivered: [['Method', 'pwd']] }),
    stranger: pages.welcome({ loginUrl: '/login', logoutUrl: '/logout' }),
    welcome: pages.welcome({
      ...{ who: 'alice@example.com', loginUrl: '/login', logoutUrl: '/logout' },
      notice: { sentence: 'Logins do not lead back there.', link: 'https://elsewhere.example/a/very/long/path' },
      applications: { list: [{ title: 'Wiki', url: 'https://wiki.example.com/' }], hasMore: true },
    }),
    confirmLogout: pages.confirmLogout({ who: 'alice@example.com', action: '/logout', csrfToken }),
    signedOut: pages.signedOut({ loginUrl: '/login' }),
    stillLoggedIn: pages.signedOut({ loginUrl: '/login', who: 'alice@example.com' }),
    sessionOverview: pages.sessionOverview({
      ...{ now, who: 'alice@example.com', provider: 'Corporate login', groups: ['ops', 'wiki-editors'], csrfToken },
      ...{ startedAt: now - 7300, verifiedAt: now - 60, unverifiedSince: now - 30, listed: seen },
      others: [{ ...seen, handle: 'a'.repeat(16), startedAt: now - 500_000 }],
      moreUrl: '/session?after=x',
      passwords: { ...passwords, form: { ...passwords.form, days: 30, mostDays: 90 } },
    }),
    passwordMade: pages.passwordMade({
      ...{ now, user: 'alice@example.com', password: 'correct-horse-battery-staple', handle: 'h'.repeat(16) },
      ...{ name: 'git', hosts: ['git.example.com'], expiresAt: now + 900_000 },
    }),
    choiceLinks: pages.chooseProvider({ providers }),
    choiceEmail: pages.chooseProvider({ providers, emailForm }),
    choiceRemember: pages.chooseProvider({ providers, emailForm, rememberAction: '/login/remember' }),
    choiceOne: pages.chooseProvider({ providers: providers.slice(0, 1), rememberAction: '/login/remember' }),
    continueTo: pages.continueTo({ label: 'Corporate login', url: '/login?provider=corp' }),
    grantConsent: pages.grantConsent({ ...consent, reach: 'clusters-and-hosts', fields: { a: 'b' } }),
    deviceCode: pages.deviceCode({ action: '/device', isUnknown: true }),
    deviceConsent: pages.deviceConsent({ ...consent, ...device, reach: 'hosts' }),
    deviceAllowed: pages.deviceDone({ isAllowed: true }),
    deviceDenied: pages.deviceDone({ isAllowed: false }),
  }
}
