/** A dialect that no proxy speaks: the original request is in `X-Toy`, and whoever is not let in gets a teapot. */

import type { FrontKind } from '../../app/fronts/front.ts'
import { admit, createDialectReader, describeSubrequest, readOriginalUrl } from '../../app/fronts/original-request.ts'
import { allowReply, problemReply, requestIdHeader } from '../../app/fronts/reply.ts'

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
        return describeSubrequest(headers, readOriginalUrl(method, url, {}), settings)
      },
      render: result =>
        result.decision.effect === 'allow'
          ? allowReply(result, [])
          : problemReply(418, { error: 'teapot' }, [requestIdHeader(result.requestId)]),
    }
  },
}
