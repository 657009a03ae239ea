/** NGINX with TLS in front, as its page has it. Needs `nginx` and `openssl`. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Child, startChild } from '../../cli/demo/child.ts'
import { renderTemplates } from '../../cli/demo/proxies/proxies.ts'

/** Lines that a page of docs/ adds: to each `server` with TLS, and to what asks Sallyport. */
export interface MoreLines {
  readonly server?: string
  readonly ask?: string
}

/** The files of deploy/nginx; the only change is what its page says about TLS, and `more`. `cert.pem` is the server's own. */
export async function startTlsProxy(
  directory: string,
  ports: { readonly proxy: number; readonly auth: number; readonly wiki: number },
  more: MoreLines = {},
): Promise<Child> {
  chmodSync(directory, 0o755)
  // By name: no client takes a wildcard for a whole top-level domain, but a browser that is told to look away.
  const names = ['auth', 'wiki', 'payroll'].map(host => `DNS:${host}.localhost`)
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names.join(',')}`]
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...files], { stdio: 'ignore' })
  renderTemplates(join(import.meta.dirname, '../../deploy/nginx/templates'), directory, {
    PROXY_BIND: '127.0.0.1',
    PROXY_PORT: String(ports.proxy),
    AUTH_HOST: 'auth.localhost',
    AUTH_ADDRESS: `127.0.0.1:${ports.auth}`,
    WIKI_ADDRESS: `127.0.0.1:${ports.wiki}`,
    PAYROLL_ADDRESS: `127.0.0.1:${ports.wiki}`,
    PROVIDER_ADDRESS: '127.0.0.1:9',
  })
  const sites = join(directory, 'sites.conf')
  const certificate = `ssl_certificate ${join(directory, 'cert.pem')}; ssl_certificate_key ${join(directory, 'key.pem')};`
  const listenLine = /(listen [^;\s]+)([^;]*);/g
  writeFileSync(
    sites,
    readFileSync(sites, 'utf8').replaceAll(listenLine, `$1 ssl$2; ${certificate} ${more.server ?? ''}`),
  )
  appendFileSync(join(directory, 'sallyport-ask.conf'), `${more.ask ?? ''}\n`)
  const args = ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']
  const proxy = startChild({ name: 'nginx', command: 'nginx', args })
  while (!(await isListening(ports.proxy))) {
    if (!proxy.isRunning()) throw new Error(`nginx has not started: ${proxy.lastLines()}`)
    await delay(20)
  }
  return proxy
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
