/** Prints what the gateway needs in a cluster, as YAML that kubectl applies. */
import { deploymentObjects } from '../../../app/kubernetes/rights/deployment-objects.ts'
import { type ListenText, listenText } from '../../../config/schema/listen-place.ts'
import type { ListenAddress } from '../../../config/schema/values.ts'
import { exitCodes, type Terminal } from '../../terminal.ts'
import { kubectlYaml } from '../kubectl-yaml.ts'
import type { RenderChoice } from './choice.ts'
import { exactRoleOf, notCoveredText } from './exact-role.ts'

/** Pods of others and the kubelet reach a port, and no file of this pod. */
function portOf(setting: string, listen: ListenText): ListenAddress {
  if ('socket' in listen)
    throw new Error(`${setting} is a Unix socket, and in a cluster a port is asked: write one there`)
  return listen
}

export async function runRender(choice: RenderChoice, terminal: Terminal): Promise<number> {
  const { config, cluster, mode, role } = await exactRoleOf(choice, terminal)
  const { holder, only } = choice
  const account = holder.kind === 'ServiceAccount' ? holder : { namespace: 'sallyport', name: 'sallyport' }
  const around =
    only === 'role'
      ? []
      : deploymentObjects({
          account,
          pagesPort: portOf('server.listen', config.server.listen).port,
          gatewayPort: config.kubernetes?.listen.port ?? 0,
          adminListen: listenText(portOf('admin.listen', config.admin.listen)),
          needsToken: cluster.credential.kind === 'in-cluster',
        })
  const objects = [...around, ...role.roles, ...role.bindings]
  const { notCovered } = role
  if (choice.json) {
    terminal.write(`${JSON.stringify({ cluster: cluster.name, mode, notCovered, objects })}\n`)
    return exitCodes.ok
  }
  terminal.write(objects.map(object => kubectlYaml(object)).join(''))
  terminal.writeError(notCoveredText(role))
  return exitCodes.ok
}
