/** Single values of a service's metrics. */
import { get } from 'node:http'
import { text } from 'node:stream/consumers'

/**
 * A gauge or counter without labels; NaN when it is not on the page. On a connection that nobody else has used: a kept one
 * may be closed by the service in the very moment in which it is used again, and an experiment would end with that.
 */
export async function metricOf(adminPort: number, name: string): Promise<number> {
  const page = await pageOf(adminPort)
  const line = page.split('\n').find(one => one.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}

const pageOf = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/metrics', agent: false } as const
    get(options, response => resolve(text(response))).once('error', reject)
  })
