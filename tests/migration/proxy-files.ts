/** What `sallyport proxy-config` writes for the two applications, and the provider's site in a file of its own beside it. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { repositoryRoot } from '../../cli/demo/paths.ts'
import type { ProxyTargets } from '../../cli/demo/proxies/proxy-targets.ts'
import { runCli } from '../../cli/program.ts'
import { createTestTerminal } from '../config/test-terminal.ts'

type Kind = 'nginx' | 'traefik' | 'caddy'

/** Resolves with the directory. */
export async function printedProxyFiles(kind: Kind, targets: ProxyTargets, directory: string): Promise<string> {
  mkdirSync(join(directory, 'policy'), { recursive: true })
  writeFileSync(join(directory, 'sallyport.yaml'), stringify(configuration(targets)))
  writeFileSync(join(directory, 'policy/wiki.csv'), 'p, authenticated, wiki.localhost, /**, *, -, allow\n')
  const terminal = createTestTerminal({ cwd: directory })
  const { bind, port, authAddress, wikiAddress, payrollAddress } = targets
  const args = ['--listen', `${bind}:${port}`, '--sallyport', authAddress, '--output', kind]
  const apps = ['--host', `wiki.localhost=${wikiAddress}`, '--host', `payroll.localhost=${payrollAddress}`]
  const code = await runCli(['proxy-config', kind, ...args, ...apps], { version: '0', terminal })
  if (code !== 0) throw new Error(terminal.errors())
  const files = join(directory, kind)
  providerSites[kind](files, targets)
  return files
}

const configuration = ({ port, authHost, authAddress }: ProxyTargets): unknown => ({
  server: { url: `http://${authHost}:${port}`, listen: authAddress },
  providers: [
    { name: 'demo', issuer: `http://idp.localhost:${port}`, clientId: 'sallyport', clientSecret: 'c'.repeat(32) },
  ],
  sessions: { path: './data', secret: '3f9c1f7e5b0d4c8aa1c7e2b94d6f80315e7a9c2b4d6f8013579bdf02468ace13' },
})

/** Where people log in is behind the same proxy here, and unprotected. */
const providerSites: Readonly<Record<Kind, (files: string, targets: ProxyTargets) => void>> = {
  nginx(files, { bind, port, providerAddress }) {
    const templates = join(files, 'templates')
    mkdirSync(templates)
    for (const name of readdirSync(files).filter(file => file.endsWith('.conf')))
      renameSync(join(files, name), join(templates, `${name}.template`))
    const main = readFileSync(join(repositoryRoot, 'deploy/nginx/templates/nginx.conf.template'), 'utf8')
    const included = main.replace('include sites.conf;', 'include sallyport-sites.conf;\n  include provider.conf;')
    writeFileSync(join(templates, 'nginx.conf.template'), included)
    const location = `location / { proxy_pass http://${providerAddress}; proxy_set_header Host $host:${port}; }`
    const server = `server { listen ${bind}:${port}; server_name idp.localhost; ${location} }\n`
    writeFileSync(join(templates, 'provider.conf.template'), server)
  },
  traefik(files, { providerAddress }) {
    const url = `http://${providerAddress}`
    const http = {
      routers: { provider: { rule: 'Host(`idp.localhost`)', service: 'provider' } },
      services: { provider: { loadBalancer: { servers: [{ url }] } } },
    }
    writeFileSync(join(files, 'dynamic/provider.yaml'), stringify({ http }))
  },
  caddy(files, { port, providerAddress }) {
    mkdirSync(join(files, 'sallyport.d/sites'), { recursive: true })
    const site = `http://idp.localhost:${port} {\n\treverse_proxy ${providerAddress}\n}\n`
    writeFileSync(join(files, 'sallyport.d/sites/provider.caddy'), site)
  },
}
