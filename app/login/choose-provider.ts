/**
 * With which of several providers somebody logs in: the one that the host leaves, the one that the link names, the one
 * of an e-mail domain, or the one that is chosen on a page.
 */
import type { RequestHandler, Response } from 'express'
import { arrivalOf, type Exchange, sendPage } from './arrival.ts'
import { parseEmail } from './claims/email.ts'
import type { BrowserMarks, LoginAttempts, LoginPlaces, LoginRecords } from './dependencies.ts'
import { type LoginParameters, loginPath, parseLoginParameters, rawQueryOf } from './parameters.ts'
import type { ListedProvider } from './provider/providers.ts'
import { isChosen, type RememberDependencies, rememberPath } from './remember.ts'

type Chooser = LoginPlaces & LoginAttempts & Pick<BrowserMarks, 'providerCookie'> & Pick<LoginRecords, 'pages'>

/** Those that people of the host behind `returnTo` may log in with, in the order of the configuration. */
export function choicesFor(
  returnTo: string,
  { providers, providersOfHost }: Pick<Chooser, 'providers' | 'providersOfHost'>,
): readonly ListedProvider[] {
  const names = providersOfHost(new URL(returnTo).hostname)
  return names === undefined ? providers.list : providers.list.filter(({ name }) => names.includes(name))
}

/**
 * The provider that needs no page. A link that names another one than the host has does not count: it would be a way
 * around the list of the host. A name that does not exist is returned, to be refused as unknown.
 */
export function providerWithoutPage(
  named: string | undefined,
  choices: readonly ListedProvider[],
  { providers }: Pick<Chooser, 'providers'>,
): string | undefined {
  const isKnown = providers.list.some(({ name }) => name === named)
  if (named !== undefined && (!isKnown || isAmong(named, choices))) return named
  const [first, ...others] = choices
  return others.length === 0 ? first?.name : undefined
}

export const isAmong = (name: string, choices: readonly ListedProvider[]): boolean =>
  choices.some(choice => choice.name === name)

interface Choice {
  readonly parameters: LoginParameters
  readonly choices: readonly ListedProvider[]
  /** Whether staying logged in can be chosen; `isRemembered`: it was. */
  readonly isAsked: boolean
  readonly isRemembered?: boolean
  /** An address was entered that led nowhere. */
  readonly typed?: string
}

export function sendChoicePage(
  choice: Choice,
  { request, response }: Exchange,
  dependencies: ChoiceDependencies,
): void {
  const { parameters, choices, isAsked, isRemembered = false, typed } = choice
  const { pages, providerCookie } = dependencies
  const remembered = providerCookie.read(request)
  const { provider: _named, ...rest } = parameters
  const hasDomains = choices.length > 1 && choices.some(({ emailDomains }) => emailDomains.length > 0)
  const rememberAction = loginPath(rest).replace('/login', rememberPath)
  sendPage(
    response,
    200,
    pages(response.req).chooseProvider({
      providers: choices.map(({ name, label }) => ({
        name,
        label,
        url: loginPath({ ...rest, provider: name }),
        ...(name === remembered && { isRemembered: true as const }),
      })),
      ...(hasDomains && { emailForm: emailForm(loginPath(rest), typed) }),
      ...(isAsked && { rememberAction, isRemembered }),
    }),
  )
}

type ChoiceDependencies = Pick<Chooser, 'pages' | 'providerCookie'>

const emailForm = (action: string, typed: string | undefined) =>
  typed === undefined ? { action, isUnknown: false } : { action, isUnknown: true, typed }

/**
 * `POST /login`: the address that somebody entered, of which the domain decides. What is unknown and what is no address
 * get one and the same answer.
 */
export const createEmailRoute =
  (dependencies: Chooser): RequestHandler =>
  (request, response) =>
    goOn({ request, response }, dependencies)

/** The same where staying logged in can be chosen: the choice waits in a cookie for the login, which may be of a named provider. */
export const createRememberRoute =
  (dependencies: Chooser & RememberDependencies): RequestHandler =>
  (request, response) => {
    const isRemembered = isChosen(request, dependencies)
    dependencies.remember?.set(response, isRemembered)
    goOn({ request, response }, dependencies, { isAsked: true, isRemembered })
  }

/** The body has been parsed as a form; the query is that of the login, which goes on. */
function goOn(
  { request, response }: Exchange,
  dependencies: Chooser,
  asked: Pick<Choice, 'isAsked' | 'isRemembered'> = { isAsked: false },
): void {
  const parameters = parseLoginParameters(rawQueryOf(request))
  arrivalOf(response).retryUrl = loginPath(parameters)
  const home = `${dependencies.publicUrl}/`
  const choices = choicesFor(dependencies.returnTo(parameters.rd).url ?? home, dependencies)
  const named = choices.find(({ name }) => name === fieldOf(request.body, 'provider'))
  if (named !== undefined) {
    leadOn(loginPath({ ...parameters, provider: named.name }), named, response, dependencies)
    return
  }
  const typed = fieldOf(request.body, 'email')
  if (typed === undefined && asked.isAsked) {
    // Nothing but the box was sent: whoever has several ways is asked for one now.
    leadOn(loginPath(parameters), {}, response, dependencies)
    return
  }
  const email = parseEmail(typed)
  const domain = email?.slice(email.lastIndexOf('@') + 1)
  const chosen = choices.find(({ emailDomains }) => domain !== undefined && emailDomains.includes(domain))
  if (email === undefined || chosen === undefined) {
    const shown = { parameters, choices, ...asked, typed: typed ?? '' }
    sendChoicePage(shown, { request, response }, dependencies)
    return
  }
  leadOn(loginPath({ ...parameters, provider: chosen.name, loginHint: email }), chosen, response, dependencies)
}

/** A redirect would be a part of the form's own way, which the page's policy ends at this origin. */
function leadOn(
  url: string,
  to: Partial<Pick<ListedProvider, 'label'>>,
  response: Response,
  { pages }: Pick<Chooser, 'pages'>,
): void {
  response.set('Refresh', `0; url=${url}`)
  sendPage(response, 200, pages(response.req).continueTo({ ...(to.label !== undefined && { label: to.label }), url }))
}

function fieldOf(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined
  const value: unknown = body[name as keyof typeof body]
  return typeof value === 'string' ? value : undefined
}
