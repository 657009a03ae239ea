/** Who reads the page that answers a check, as far as the headers of the original request tell. */
import type { Reader } from '../pages/pages.ts'
import type { SubrequestHeaders } from './raw-headers.ts'

export const readerOf = (headers: Pick<SubrequestHeaders, 'any'>): Reader => ({
  headers: { 'accept-language': headers.any('accept-language') },
})
