/**
 * With which of several providers somebody logs in: the one that the host leaves, the one that the link names, the one
 * of an e-mail domain, or the one that is chosen on a page.
 */
import type { RequestHandler } from 'express'
import { arrivalOf, type Exchange, sendPage } from './arrival.ts'
import { parseEmail } from './claims/email.ts'
import type { BrowserMarks, LoginAttempts, LoginPlaces, LoginRecords } from './dependencies.ts'
import { type LoginParameters, loginPath, parseLoginParameters, rawQueryOf } from './parameters.ts'
import type { ListedProvider } from './provider/providers.ts'

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
  /** An address was entered that led nowhere. */
  readonly isUnknown?: boolean
}

export function sendChoicePage(
  { parameters, choices, isUnknown = false }: Choice,
  { request, response }: Exchange,
  { pages, providerCookie }: Pick<Chooser, 'pages' | 'providerCookie'>,
): void {
  const remembered = providerCookie.read(request)
  const { provider: _named, ...rest } = parameters
  const hasDomains = choices.some(({ emailDomains }) => emailDomains.length > 0)
  sendPage(
    response,
    200,
    pages.chooseProvider({
      providers: choices.map(({ name, label }) => ({
        label,
        url: loginPath({ ...rest, provider: name }),
        ...(name === remembered && { isRemembered: true as const }),
      })),
      ...(hasDomains && { emailForm: { action: loginPath(rest), isUnknown } }),
    }),
  )
}

/**
 * `POST /login`: the address that somebody entered, of which the domain decides. What is unknown and what is no address
 * get one and the same answer.
 */
export function createEmailRoute(dependencies: Chooser): RequestHandler {
  return (request, response) => {
    const parameters = parseLoginParameters(rawQueryOf(request))
    arrivalOf(response).retryUrl = loginPath(parameters)
    const home = `${dependencies.publicUrl}/`
    const choices = choicesFor(dependencies.returnTo(parameters.rd).url ?? home, dependencies)
    const email = parseEmail(emailIn(request.body))
    const domain = email?.slice(email.lastIndexOf('@') + 1)
    const chosen = choices.find(({ emailDomains }) => domain !== undefined && emailDomains.includes(domain))
    if (email === undefined || chosen === undefined) {
      return sendChoicePage({ parameters, choices, isUnknown: true }, { request, response }, dependencies)
    }
    const url = loginPath({ ...parameters, provider: chosen.name, loginHint: email })
    // A redirect would be a part of the form's own way, which the page's policy ends at this origin.
    response.set('Refresh', `0; url=${url}`)
    sendPage(response, 200, dependencies.pages.continueTo({ label: chosen.label, url }))
  }
}

const emailIn = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'email' in body ? body.email : undefined
