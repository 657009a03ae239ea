/** The table of formats: a new one is one file and one line here. */
import type { ProxyFormat } from './format.ts'
import { nginx } from './nginx/nginx.ts'

export const formats: readonly ProxyFormat[] = [nginx]
