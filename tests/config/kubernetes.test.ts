/** The section of the gateway: how it is read, what its clusters default to, and what is refused (golden cases in bad/). */
import { describe, expect, it } from 'vitest'
import { formatProblems } from '../../config/problems.ts'
import { showSettings } from '../../config/show.ts'
import { loadText, minimal, problemsOf } from './load-text.ts'

const gateway = 'url: https://k8s.example.com, tls: { certificateFile: k8s.pem, keyFile: /run/secrets/k8s-key.pem }'
const withClusters = (clusters: string) => `${minimal}\nkubernetes: { ${gateway}, clusters: ${clusters} }\n`
const load = (clusters: string, env: Readonly<Record<string, string>> = {}) =>
  loadText(withClusters(clusters), { env }).config.kubernetes

describe('the section kubernetes', () => {
  it('is absent unless it is written, and its defaults are then in force for nobody', () => {
    const { config, effective } = loadText(minimal)
    expect(config).not.toHaveProperty('kubernetes')
    expect(showSettings(effective).filter(({ path }) => path.startsWith('kubernetes'))).toEqual([])
  })

  it('is typed, in seconds, with absolute paths and one credential for each cluster', () => {
    const clusters = `[
      { name: prod, server: "https://10.0.0.1:6443/", caFile: prod-ca.pem, credential: { tokenFile: /run/prod-token } },
      { name: lab, server: "https://rancher.example.com/k8s/clusters/c-1/", serverName: Lab.example.com, groupPrefix: "",
        userClaim: sub, credential: { certificateFile: lab.pem, keyFile: lab-key.pem } },
      { name: edge, credential: { kubeconfigFile: edge.kubeconfig } },
      { name: here, credential: { inCluster: true } }
    ]`
    const rights = { impersonation: 'legacy', excessRights: 'warn' }
    const usual = { groupPrefix: 'sallyport:', userClaim: 'email', ...rights }
    expect(load(clusters)).toEqual({
      url: 'https://k8s.example.com',
      listen: { host: '127.0.0.1', port: 9182 },
      tokenLifetimeSeconds: 300,
      tls: { certificatePath: '/etc/sallyport/k8s.pem', keyPath: '/run/secrets/k8s-key.pem' },
      clusters: [
        {
          ...usual,
          name: 'prod',
          server: 'https://10.0.0.1:6443',
          caPath: '/etc/sallyport/prod-ca.pem',
          credential: { kind: 'token-file', path: '/run/prod-token' },
        },
        {
          ...rights,
          name: 'lab',
          server: 'https://rancher.example.com/k8s/clusters/c-1',
          serverName: 'lab.example.com',
          groupPrefix: '',
          userClaim: 'sub',
          credential: {
            kind: 'client-certificate',
            certificatePath: '/etc/sallyport/lab.pem',
            keyPath: '/etc/sallyport/lab-key.pem',
          },
        },
        { ...usual, name: 'edge', credential: { kind: 'kubeconfig', path: '/etc/sallyport/edge.kubeconfig' } },
        { ...usual, name: 'here', credential: { kind: 'in-cluster' } },
      ],
    })
  })

  it('comes from the environment as well, each cluster by its place', () => {
    const env = {
      SALLYPORT_KUBERNETES_TOKEN_LIFETIME: '10m',
      SALLYPORT_KUBERNETES_CLUSTERS_0_CREDENTIAL_TOKEN_FILE: '/run/other',
      SALLYPORT_KUBERNETES_CLUSTERS_1_NAME: 'here',
      SALLYPORT_KUBERNETES_CLUSTERS_1_CREDENTIAL_IN_CLUSTER: 'true',
    }
    const found = load('[{ name: prod, server: "https://10.0.0.1:6443", credential: { tokenFile: /run/one } }]', env)
    expect(found?.tokenLifetimeSeconds).toBe(600)
    expect(found?.clusters.map(({ name, credential }) => [name, credential])).toEqual([
      ['prod', { kind: 'token-file', path: '/run/other' }],
      ['here', { kind: 'in-cluster' }],
    ])
  })

  it('shows each setting of each cluster with the place that it came from', () => {
    const { effective } = loadText(withClusters('[{ name: here, credential: { inCluster: true } }]'))
    const shown = showSettings(effective).filter(({ path }) => path.startsWith('kubernetes.clusters'))
    expect(shown.map(({ path, value, origin }) => `${path} ${value} ${origin.replace(/:.*/, '')}`)).toEqual([
      'kubernetes.clusters[0].name here sallyport.yaml',
      'kubernetes.clusters[0].access gateway default',
      'kubernetes.clusters[0].groupPrefix sallyport: default',
      'kubernetes.clusters[0].userClaim email default',
      'kubernetes.clusters[0].impersonation legacy default',
      'kubernetes.clusters[0].excessRights warn default',
      'kubernetes.clusters[0].unusedRows refuse default',
      'kubernetes.clusters[0].credential.inCluster true sallyport.yaml',
    ])
  })

  it('takes inCluster: false for none', () => {
    const found = load('[{ name: a, credential: { kubeconfigFile: a.yaml, inCluster: false } }]')
    expect(found?.clusters[0]?.credential.kind).toBe('kubeconfig')
  })

  it.each(['s', 'system', 'system:', 'system:masters-', 'sy'])('refuses %s in front of groups', prefix => {
    const entry = `{ name: a, groupPrefix: "${prefix}", credential: { inCluster: true } }`
    expect(formatProblems(problemsOf(withClusters(`[${entry}]`)))).toContain("are the cluster's own")
  })

  describe('a cluster that is reached directly', () => {
    const named = (text: string) => formatProblems(problemsOf(withClusters(text)))
    const direct = '{ name: lab, access: direct, server: https://10.0.0.9:6443, caFile: lab.pem'

    it.each([
      ['a credential', `[${direct}, credential: { inCluster: true } }]`, 'expected nothing beside access: direct'],
      ['a server name', `[${direct}, serverName: lab }]`, 'expected nothing beside access: direct'],
      ['a gateway for nobody', `[${direct} }]`, 'no cluster is behind the gateway'],
    ])('takes no %s', (_, text, expected) => {
      expect(named(text)).toContain(expected)
    })

    it('is no cluster of the gateway', () => {
      const found = load(`[${direct} }, { name: here, credential: { inCluster: true } }]`)
      expect(found?.clusters.map(({ name }) => name)).toEqual(['here'])
    })
  })
})
