/**
 * The table of fronts: a new proxy is one file and one line here. Its name is the path of its endpoint, the label in
 * metrics and the word in audit events, and the tests of every dialect run for it.
 */
import { authRequest } from './auth-request.ts'
import { extAuthz } from './ext-authz.ts'
import { forwardAuth } from './forward-auth.ts'
import type { FrontKind } from './front.ts'

export const fronts = [authRequest, forwardAuth, extAuthz] as const satisfies readonly FrontKind[]

export type FrontName = (typeof fronts)[number]['name']
