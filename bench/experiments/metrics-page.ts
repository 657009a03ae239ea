/** Single values of a service's metrics. */

/** A gauge or counter without labels; NaN when it is not on the page. */
export async function metricOf(adminPort: number, name: string): Promise<number> {
  const page = await fetch(`http://127.0.0.1:${adminPort}/metrics`)
  const line = (await page.text()).split('\n').find(one => one.startsWith(`${name} `))
  return Number(line?.split(' ')[1])
}
