/** Forms of programs: names are what they are, with no structure in them. */
import { type RequestHandler, urlencoded } from 'express'

/** In a name, as it is or escaped. */
const bracket = /(?:^|&)[^=&]*(?:\[|\]|%5b|%5d)/i

/**
 * Threat: `audience[]=b` beside `audience=a`, which one reader takes for the same name and another one does not. A name with a
 * bracket is refused as a form that cannot be read (400). @param limit longest body, as body-parser writes it
 */
export const plainForm = (limit: string): RequestHandler =>
  urlencoded({
    extended: false,
    limit,
    verify: (_request, _response, body) => {
      if (bracket.test(body.toString('latin1'))) throw new Error('a name in the form has a bracket')
    },
  })
