/** Pods that are written straight into etcd: thousands in a second, without what an API server does for each. */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createApiClient } from './api-client.ts'
import type { RunningCluster } from './cluster.ts'

/** Of one transaction: the default of etcd is 128. */
const mostAtOnce = 100

/** No node has them, so nothing waits for them to run. Resolves when etcd has them all. */
export async function plantPods(
  { storageUrl, certificates }: Pick<RunningCluster, 'storageUrl' | 'certificates'>,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const read = (file: Parameters<typeof certificates.path>[0]): string => readFileSync(certificates.path(file), 'utf8')
  const storage = createApiClient({
    url: storageUrl,
    authority: read('storage.pem'),
    certificate: read('etcd.pem'),
    key: read('etcd.key'),
  })
  try {
    for (let from = 0; from < names.length; from += mostAtOnce) {
      const success = names.slice(from, from + mostAtOnce).map(name => ({
        request_put: {
          key: inBase64(`/registry/pods/${namespace}/${name}`),
          value: inBase64(JSON.stringify(podOf(namespace, name))),
        },
      }))
      await storage.call('POST', '/v3/kv/txn', { success })
    }
  } finally {
    storage.close()
  }
}

const inBase64 = (text: string): string => Buffer.from(text).toString('base64')

const podOf = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, uid: randomUUID(), creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { containers: [{ name: 'main', image: 'example.test/main:1' }] },
  status: { phase: 'Pending' },
})
