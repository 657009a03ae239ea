/**
 * Who wrote an object, by `metadata.managedFields`: a name that each program gives itself, by default that of its file. It
 * tells what was used and not by whom, anybody can choose it, and kubectl leaves it out unless it is asked for: a guess.
 */

interface Known {
  readonly manager: RegExp
  readonly name: string
}

/** What deploys others' objects, before what people do by hand. */
const deployers: readonly Known[] = [
  { manager: /^helm$/i, name: 'Helm' },
  { manager: /^argocd/i, name: 'Argo CD' },
  { manager: /^(?:kustomize|helm)-controller$/i, name: 'Flux' },
  { manager: /^(?:terraform|hashicorp)/i, name: 'Terraform' },
  { manager: /^pulumi/i, name: 'Pulumi' },
  { manager: /^(?:olm|catalog)$/i, name: 'Operator Lifecycle Manager' },
]

const byHand: readonly Known[] = [{ manager: /^kubectl/i, name: 'somebody with kubectl' }]

/** Write to whatever is there; the account is not theirs. */
const ofTheCluster = /^(?:kube-(?:controller-manager|apiserver|scheduler)|kubelet|k3s|k0s|rke2)\b/i

/** @param managers in the order of the object @returns undefined where nobody but the cluster itself wrote it */
export function managerIn(
  managers: readonly string[],
): { readonly name: string; readonly manager: string } | undefined {
  const others = managers.filter(manager => !ofTheCluster.test(manager))
  for (const { manager: pattern, name } of [...deployers, ...byHand]) {
    const manager = others.find(one => pattern.test(one))
    if (manager !== undefined) return { name, manager }
  }
  const [manager] = others
  return manager === undefined ? undefined : { name: `program ${manager}`, manager }
}
