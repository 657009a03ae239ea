/**
 * Commands of the pages that need more than a folder and this program, each with what it needs and the test that runs it. A
 * command that is neither here nor run by documented-commands.test.ts fails that test.
 */

export interface Elsewhere {
  readonly page: string
  /** Of the commands of that page. Default: all. */
  readonly commands?: RegExp
  readonly needs: string
  /** Below `tests/`; for what CI itself runs, its file. */
  readonly test: string
}

export const elsewhere: readonly Elsewhere[] = [
  { page: 'docs/backup.md', needs: 'a service that runs, and ends', test: 'tests/operations/backup.test.ts' },
  {
    page: 'docs/no-provider.md',
    commands: /kc\.sh|keycloak/,
    needs: 'Keycloak, and Java',
    test: 'tests/operations/no-provider.test.ts',
  },
  {
    page: 'docs/no-provider.md',
    commands: /^dex /,
    needs: 'Dex',
    test: 'tests/operations/no-provider.test.ts',
  },
  {
    page: 'docs/systemd.md',
    needs: 'root, and systemd as the first process',
    test: 'tests/containers/systemd.test.ts',
  },
  {
    page: 'README.md',
    commands: /^npm (?:run demo|test)$/,
    needs: 'a checkout; the demo is run as the package has it',
    test: 'tests/start/npm-package.test.ts',
  },
  {
    page: 'README.md',
    commands: /^npm ci && npm run build && npm link$/,
    needs: 'a checkout of its own',
    test: '.ci/run',
  },
  {
    page: 'README.md',
    commands: /^sallyport policy explain /,
    needs: 'the policy that the page prints',
    test: 'tests/docs/explain-picture.test.ts',
  },
  {
    page: 'README.md',
    commands: /^sallyport kube review /,
    needs: 'the dump of a cluster',
    test: 'tests/docs/printed-reach.test.ts',
  },
  {
    page: 'README.md',
    commands: /^sallyport (?:init|doctor && sallyport serve)$/,
    needs: 'somebody who answers, and a service that goes on',
    test: 'tests/init/init.test.ts',
  },
  { page: 'CONTRIBUTING.md', commands: /^npm /, needs: 'a checkout, and minutes', test: '.ci/run' },
  {
    page: 'docs/authzen.md',
    commands: /^curl /,
    needs: 'an application with a key',
    test: 'tests/authzen/evaluation.test.ts',
  },
  {
    page: 'docs/authzen.md',
    commands: /^sallyport policy /,
    needs: "the page's own settings and rows",
    test: 'tests/docs/printed-authzen.test.ts',
  },
  { page: 'docs/doctor.md', commands: /https:/, needs: 'a proxy', test: 'tests/proxies/doctor.test.ts' },
  {
    page: 'docs/inventory.md',
    commands: /^sallyport kube inventory$/,
    needs: 'a cluster',
    test: 'tests/reach/inventory-command.test.ts',
  },
  {
    page: 'docs/inventory.md',
    commands: / --listen /,
    needs: 'an API server that sends its log',
    test: 'tests/reach/listening/listen-command.test.ts',
  },
  {
    page: 'docs/inventory.md',
    commands: /^sallyport kube excess /,
    needs: 'a cluster, and its audit log',
    test: 'tests/reach/excess-command.test.ts',
  },
  { page: 'docs/kubectl.md', needs: 'a browser, and a gateway', test: 'tests/kubernetes/gateway-service.test.ts' },
  { page: 'docs/kubernetes.md', needs: 'a browser, and a cluster', test: 'tests/kubernetes/gateway-service.test.ts' },
  {
    page: 'docs/machines.md',
    commands: /\/deploy\/now/,
    needs: 'a token of a workload, and NGINX',
    test: 'tests/machines/printed.test.ts',
  },
  {
    page: 'docs/machines.md',
    commands: /^(?:git |curl .*--netrc)/,
    needs: 'a password, git and NGINX',
    test: 'tests/passwords/printed.test.ts',
  },
  {
    page: 'docs/machines.md',
    commands: /^sallyport token inspect /,
    needs: 'a token of a workload',
    test: 'tests/machines/inspect.test.ts',
  },
  ...['authelia', 'oauth2-proxy', 'pomerium', 'traefik-forward-auth', 'vouch'].map(product => ({
    page: `docs/migration/${product}.md`,
    needs: "the page's own files, and a proxy",
    test: `tests/migration/${product}.test.ts`,
  })),
  {
    page: 'docs/performance.md',
    commands: /^npm run bench/,
    needs: 'a checkout, and minutes',
    test: 'tests/bench/bench.test.ts',
  },
  ...['caddy', 'envoy', 'haproxy'].map(proxy => ({
    page: `docs/proxies/${proxy}.md`,
    commands: /^(?!sallyport )/,
    needs: 'that proxy',
    test: 'tests/proxy-config/story.test.ts',
  })),
  {
    page: 'docs/proxies/kubernetes.md',
    commands: /kubectl apply/,
    needs: 'an API server',
    test: 'tests/kubernetes/gateways/printed.test.ts',
  },
  { page: 'docs/reach.md', commands: /^helm /, needs: 'helm, and a chart', test: 'tests/reach/commands.test.ts' },
  { page: 'docs/reach.md', needs: 'the dump of a cluster', test: 'tests/reach/printed-examples.test.ts' },
  { page: 'docs/sessions.md', needs: 'people who are logged in', test: 'tests/admin/sessions-printed.test.ts' },
  {
    page: 'docs/token-exchange.md',
    commands: /^(?:curl |sallyport token --server)/,
    needs: 'a token of a workload',
    test: 'tests/exchange/command.test.ts',
  },
  {
    page: 'docs/token-exchange.md',
    commands: /^sallyport (?:login|token --host)/,
    needs: 'a browser, and NGINX',
    test: 'tests/exchange/login-nginx.test.ts',
  },
]
