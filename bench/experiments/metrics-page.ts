/** Single values of a service's metrics. */

/**
 * A gauge or counter without labels; NaN when it is not on the page. On a connection of its own: a kept one may be closed
 * by the service in the very moment in which it is used again, and an experiment would end with that.
 */
export async function metricOf(adminPort: number, name: string): Promise<number> {
  const page = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers: { connection: 'close' } })
  const line = (await page.text()).split('\n').find(one => one.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}
