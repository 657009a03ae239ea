/**
 * What Kubernetes itself ships, and needs: which moves its own subjects have by its own roles. Threat: a label, or the name of
 * a role, is written by whoever writes roles. So a finding is folded only where subject, role, binding and move are those of
 * the table: a right that somebody adds to a role of Kubernetes is shown as soon as it makes another move.
 */
import type { MoveId } from '../finding.ts'
import type { DirectMove } from '../moves/direct.ts'
import type { SubjectId } from '../subject.ts'
import { isBootstrap } from './edits.ts'

/** By subject, of Kubernetes 1.12 to 1.37; `every` for who has everything. */
const shipped: Readonly<Record<SubjectId, string>> = {
  'group:system:masters': 'every',
  'group:system:monitoring': 'CP07',
  'user:system:kube-controller-manager': 'CP06 CP09 CP10 ID09 ID10 ID11 ID12 ID13 ID16 ID17 RB06',
  'user:system:kube-scheduler': 'CP06 CP10 WL14 WL17',
  ...ofControllers({
    'attachdetach-controller': 'WL14',
    'bootstrap-signer': 'CP05 ID10 ID11',
    'certificate-controller': 'CP06 ID15',
    'clusterrole-aggregation-controller': 'every',
    'cronjob-controller': 'CP10 WL02 WL14',
    'daemon-set-controller': 'CP10 WL01 WL04 WL14 WL15',
    'deployment-controller': 'CP10 WL02 WL04',
    'device-taint-eviction-controller': 'CP10 WL14 WL17',
    'disruption-controller': 'WL17',
    'endpoint-controller': 'WL17',
    'endpointslice-controller': 'WL17',
    'endpointslicemirroring-controller': 'WL17',
    'expand-controller': 'ID11',
    'generic-garbage-collector':
      'CP01 CP02 CP03 CP04 CP05 CP08 CP09 CP10 ID10 ID11 ID13 RB03 RB04 RB06 WL02 WL03 WL04 WL07 WL09 WL10 WL11 WL14 WL16 WL17 WL18',
    'horizontal-pod-autoscaler': 'RB06 WL09',
    'job-controller': 'CP10 WL01 WL02 WL04 WL14',
    'legacy-service-account-token-cleaner': 'CP10 ID10 ID11 ID13',
    'namespace-controller': 'CP10 ID10 ID11 RB06 WL09 WL10 WL11 WL14',
    'node-controller': 'CP10 WL14 WL17',
    'persistent-volume-binder': 'CP10 ID11 WL01 WL12 WL14 WL17',
    'pod-garbage-collector': 'CP10 WL14 WL17',
    'replicaset-controller': 'CP10 WL01 WL02 WL04 WL14',
    'replication-controller': 'CP10 WL01 WL02 WL04 WL14',
    'resource-claim-controller': 'WL17',
    'resourcequota-controller': 'ID10 RB06',
    'root-ca-cert-publisher': 'CP05',
    'route-controller': 'WL14',
    'service-account-controller': 'ID17',
    'service-controller': 'WL17',
    'statefulset-controller': 'CP10 WL01 WL04 WL14',
    'storage-version-migrator-controller':
      'CP01 CP02 CP03 CP04 CP05 CP08 CP09 ID10 ID13 RB03 RB04 RB06 WL02 WL03 WL04 WL07 WL14 WL16 WL17 WL18',
    'token-cleaner': 'CP10 ID10 ID11',
    'ttl-after-finished-controller': 'CP10',
    'ttl-controller': 'WL14',
  }),
}

function ofControllers(moves: Readonly<Record<string, string>>): Record<SubjectId, string> {
  return Object.fromEntries(Object.entries(moves).map(([name, list]) => [`service-account:kube-system/${name}`, list]))
}

const isShippedMove = (subject: SubjectId, move: MoveId): boolean => {
  const moves = shipped[subject] ?? ''
  return moves === 'every' || moves.split(' ').includes(move)
}

/** Shipped with Roles alone. Threat: the same move in the whole cluster, by a ClusterRole that bears the name. */
const namespacesOf: Readonly<Record<SubjectId, readonly string[]>> = {
  'service-account:kube-system/bootstrap-signer': ['kube-system', 'kube-public'],
  'service-account:kube-system/token-cleaner': ['kube-system'],
}

const isShippedScope = ({ subject, namespace }: DirectMove): boolean =>
  namespacesOf[subject]?.includes(namespace ?? '') ?? true

export const isExpectedMove = (found: DirectMove): boolean =>
  isShippedMove(found.subject, found.move) && isShippedScope(found) && isShippedGrants(found)

const isShippedGrants = ({ grants }: DirectMove): boolean =>
  grants.length > 0 &&
  grants.every(({ binding, role }) => isBootstrap(binding) && isBootstrap(role) && binding.name === role.name)
