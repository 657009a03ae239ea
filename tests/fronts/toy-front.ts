/** A dialect that no proxy speaks: the original request is in `X-Toy`, and whoever is not let in gets a teapot. */

import type { FrontKind } from '../../app/fronts/front.ts'
import { admit, asRefusal, createDialectReader, describeSubrequest } from '../../app/fronts/original-request.ts'
import { allowReply, problemReply, requestIdHeader } from '../../app/fronts/reply.ts'
import { canonicaliseUrl } from '../../rbac/request/access-request.ts'

export const toy: FrontKind = {
  name: 'toy',
  isRoutedHere: false,
  create(settings) {
    const read = createDialectReader(['x-toy'])
    return {
      name: 'toy',
      parse: subrequest => {
        const headers = admit(subrequest, read, settings)
        const [method = '', url = ''] = headers.required('x-toy').split(' ')
        return describeSubrequest(headers, canonical(method, url), settings)
      },
      render: result =>
        result.decision.effect === 'allow'
          ? allowReply(result, [])
          : problemReply(418, { error: 'teapot' }, [requestIdHeader(result.requestId)]),
    }
  },
}

function canonical(method: string, url: string) {
  try {
    return canonicaliseUrl(method, url, {})
  } catch (error) {
    throw asRefusal(error)
  }
}
