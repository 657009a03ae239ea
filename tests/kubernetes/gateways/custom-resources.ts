/**
 * The kinds of other projects that `proxy-config` prints for, as those projects publish them in their Go modules.
 * `tests/kubernetes/gateways/install` fetches them; the versions stand here alone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Go module: version. */
export const customResourceModules = {
  'sigs.k8s.io/gateway-api': '1.6.3',
  'istio.io/api': '1.32.0',
  'github.com/envoyproxy/gateway': '1.9.1',
  'github.com/projectcontour/contour': '1.33.8',
  'github.com/traefik/traefik/v3': '3.7.13',
} as const

export type CustomResourceModule = keyof typeof customResourceModules

/** Whole path of the folder in which the files of a module are kept. */
export const customResourceFolder = (module: CustomResourceModule): string =>
  join(homedir(), '.cache', 'sallyport', `crd-${module.replaceAll('/', '-')}-${customResourceModules[module]}`)

/** The modules' definitions, or `undefined`, with the reason printed, where they are not there; throws with REQUIRE_PEERS=1. */
export function requireCustomResources(): readonly string[] | undefined {
  try {
    return (Object.keys(customResourceModules) as CustomResourceModule[]).flatMap(module => {
      const folder = customResourceFolder(module)
      return readdirSync(folder)
        .filter(name => name.endsWith('.yaml'))
        .map(name => readFileSync(join(folder, name), 'utf8'))
    })
  } catch (error) {
    const reason = `the kinds of gateways are not there (tests/kubernetes/gateways/install fetches them): ${error}`
    if (process.env.REQUIRE_PEERS === '1') throw new Error(`${reason}, and REQUIRE_PEERS=1 demands them`)
    process.stderr.write(`skipped: ${reason}\n`)
    return undefined
  }
}
