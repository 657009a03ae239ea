/** The line of docs/kubernetes.md for a host whose application gets its Authorization header from us, in a copy of the files of deploy/. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const givingProxies = ['nginx', 'traefik', 'caddy', 'envoy', 'haproxy'] as const

/** NGINX, Envoy and HAProxy need nothing. `host`: of a site that is there. */
export const giveAuthorization: Readonly<
  Record<(typeof givingProxies)[number], (directory: string, host: string) => void>
> = {
  nginx: () => undefined,
  envoy: () => undefined,
  haproxy: () => undefined,
  traefik: (directory, host) => {
    const rule = `rule: Host(\`${host}\`)\n      middlewares: [sallyport`
    change(join(directory, 'dynamic/sites.yaml'), `${rule}]`, `${rule}-with-authorization]`)
  },
  caddy: (directory, host) => {
    const site = `http://${host}:{$PROXY_PORT} {\n\troute {\n\t\timport sallyport`
    change(join(directory, 'sites.caddy'), `${site}\n`, `${site}_with_authorization\n`)
  },
}

function change(file: string, from: string, to: string): void {
  const text = readFileSync(file, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
  writeFileSync(
    file,
    text.replace(from, () => to),
  )
}
