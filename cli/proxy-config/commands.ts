/** `sallyport proxy-config <proxy>`. */
import { Option } from 'commander'
import type { DefineCommand } from '../define-command.ts'
import { addInsecureOptions, insecureOptionsOf } from '../insecure-options.ts'
import { type ClusterOptions, readName, readPods } from './kubernetes/cluster-options.ts'
import type { Address, NamedHost, OwnAddress } from './question.ts'
import {
  each,
  readAddress,
  readHost,
  readListen,
  readLoopback,
  readOwnAddress,
  readPath,
  readRange,
} from './read-options.ts'
import type { ProxyConfigChoice } from './run.ts'

const help = `
Prints the text with which a reverse proxy asks Sallyport about every request, for your configuration: the host of server.url,
the hosts that take tokens or passwords (which the application must not get), the names of headers, client certificates. Hosts
that no --host names are those of the configuration and of the policy; each needs --host or --upstream to say where it is.

With --output the files are written there. Printing again overwrites what this command wrote and nothing else: a file without
its first line stops everything before anything is written. Lines of your own stand in files of their own; the first lines of
each file, and docs/proxies/, say where.

Where TLS ends is said by --tls-certificate with --tls-key (in this proxy), by --balancer (in front of it), or by both. With
--proxy-protocol the balancer passes TLS on, and names the client before each connection. Paths are those of the proxy's
machine, and are not opened here.

In a cluster (envoy-gateway, istio, gateway-api, contour, kgateway, traefik-crd, ingress-nginx) addresses are Services,
NAME.NAMESPACE:PORT; Sallyport is sallyport.sallyport where nothing else is said, and an application the Service that is called
like the first label of its host. docs/proxies/kubernetes.md says what was run, and what was only given to an API server.

Examples:
  $ sallyport proxy-config --list
  $ sallyport proxy-config nginx --host wiki.example.com=127.0.0.1:8080 --balancer 10.0.0.10
  $ sallyport proxy-config haproxy --host wiki.example.com=wiki:8080 --host payroll.example.com=payroll:8080 \\
      --tls-certificate /etc/haproxy/site.pem --sallyport 10.0.0.21:9180 --sallyport 10.0.0.22:9180
  $ sallyport proxy-config envoy-gateway --namespace edge --gateway public --host wiki.example.com | \
      kubectl apply --server-side -f -
  $ sallyport proxy-config nginx --host wiki.example.com=127.0.0.1:8080 --sallyport unix:/run/sallyport/check.sock \
      --balancer 10.0.0.10
  $ sallyport proxy-config caddy --upstream 127.0.0.1:8080 --output /etc/caddy/sallyport

Exit codes: 0 it was printed; 1 a file cannot be written; 2 the command line or the configuration is wrong.`

interface Values extends Readonly<Record<string, unknown>> {
  readonly config?: string
  readonly host?: readonly NamedHost[]
  readonly upstream?: Address
  readonly sallyport?: readonly OwnAddress[]
  readonly grpc?: readonly OwnAddress[]
  readonly grpcCa?: string
  readonly grpcCertificate?: string
  readonly grpcKey?: string
  readonly checks?: Address
  readonly listen?: { readonly host?: string; readonly port: number }
  readonly balancer?: readonly string[]
  readonly proxyProtocol?: boolean
  readonly tlsCertificate?: string
  readonly tlsKey?: string
  readonly http3?: boolean
  readonly clientCa?: string
  readonly clientCaOptional?: boolean
  readonly namespace?: string
  readonly gateway?: string
  readonly gatewayPods?: ClusterOptions['gatewayPods']
  readonly check?: 'http' | 'grpc'
  readonly directory?: string
  readonly output?: string
  readonly force?: boolean
  readonly json?: boolean
  readonly list?: boolean
}

export const defineProxyConfig: DefineCommand = (command, terminal, onExit) => {
  command
    .argument('[proxy]', 'which one; --list names them')
    .addOption(new Option('-c, --config <file>', 'configuration file (default: ./sallyport.yaml)'))
    .option('--host <host=address>', 'a host to protect, and where its application is; repeatable', each(readHost))
    .option('--upstream <address>', 'where the applications of hosts are that name none', readAddress)
    .option('--sallyport <address>', 'where the proxy reaches Sallyport; repeat it for replicas', each(readOwnAddress))
    .option('--grpc <address>', 'where it reaches the listener of checks over gRPC; repeatable', each(readOwnAddress))
    .option('--grpc-ca <path>', 'authority of that listener, where it has TLS', readPath)
    .option('--grpc-certificate <path>', 'what Envoy shows there, where envoy.tls.clientCaFile asks for it', readPath)
    .option('--grpc-key <path>', 'its key', readPath)
    .option(
      '--checks <address>',
      'Traefik with replicas: a loopback address of its own (default: 127.0.0.1:9189)',
      readLoopback,
    )
    .option('--listen <[address:]port>', 'where the proxy listens (default: the port of server.url)', readListen)
    .option(
      '--balancer <cidr>',
      'a balancer in front, whose word on client and scheme counts; repeatable',
      each(readRange),
    )
    .option('--proxy-protocol', 'with --balancer: it passes TLS on, and says the client by the PROXY protocol')
    .option('--tls-certificate <path>', 'certificate with which the proxy ends TLS', readPath)
    .option('--tls-key <path>', 'its key', readPath)
    .option('--client-ca <path>', 'authorities that issue certificates of clients: nobody else gets in', readPath)
    .option('--client-ca-optional', 'with --client-ca: who comes without one may go as far as the policy says')
    .option('--http3', 'serve HTTP/3 as well, on the same port (UDP); Caddy, Traefik, Envoy')
    .option('--namespace <name>', 'in a cluster: that of the gateway and its routes (default: default)', readName)
    .option('--gateway <name>', 'in a cluster: name of the Gateway (default: gateway)', readName)
    .option('--gateway-pods <namespace/label=value>', 'in a cluster: the pods that ask Sallyport', readPods)
    .addOption(new Option('--check <protocol>', 'in a cluster: how Sallyport is asked').choices(['http', 'grpc']))
    .option('--directory <path>', 'folder of the files on the machine of the proxy (default: --output)', readPath)
    .option('--output <dir>', 'write the files there in place of printing them')
    .option('--force', 'with --output: overwrite files that this command has not written')
    .option('--list', 'say which proxies there are')
    .option('--json', 'print one JSON document')
  addInsecureOptions(command)
    .addHelpText('after', help)
    .action(async (proxy: string | undefined, values: Values) => {
      const { runProxyConfig } = await import('./run.ts')
      onExit(await runProxyConfig(proxy, choiceOf(values), terminal))
    })
}

function choiceOf(values: Values): ProxyConfigChoice {
  const { host = [], sallyport = [], grpc = [], balancer = [], ...rest } = values
  const { checks, config, upstream, listen, tlsCertificate, tlsKey, clientCa, directory, output } = rest
  const { grpcCa, grpcCertificate, grpcKey } = rest
  return {
    ...(config === undefined ? {} : { config }),
    allowInsecure: insecureOptionsOf(values),
    hosts: host,
    sallyport,
    grpc,
    balancers: balancer,
    proxyProtocol: values.proxyProtocol === true,
    ...(upstream === undefined ? {} : { upstream }),
    ...(listen === undefined ? {} : { listen }),
    ...(checks === undefined ? {} : { checks }),
    ...(grpcCa === undefined ? {} : { grpcCa }),
    ...(grpcCertificate === undefined ? {} : { grpcCertificate }),
    ...(grpcKey === undefined ? {} : { grpcKey }),
    ...(tlsCertificate === undefined ? {} : { tlsCertificate }),
    ...(tlsKey === undefined ? {} : { tlsKey }),
    ...(clientCa === undefined ? {} : { clientCa }),
    clientCaOptional: values.clientCaOptional === true,
    http3: values.http3 === true,
    cluster: clusterOf(values),
    ...(directory === undefined ? {} : { directory }),
    ...(output === undefined ? {} : { output }),
    force: values.force === true,
    json: values.json === true,
    list: values.list === true,
  }
}

function clusterOf({ namespace, gateway, gatewayPods, check }: Values): ClusterOptions {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(gatewayPods === undefined ? {} : { gatewayPods }),
    ...(check === undefined ? {} : { check }),
  }
}
