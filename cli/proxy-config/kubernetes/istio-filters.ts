/** Istio: what its own kinds cannot say of a gateway's Envoy. Pure. */
import { droppedForwarded, droppedNames, droppedPrefixes } from './checked-headers.ts'
import type { ClusterQuestion } from './cluster-question.ts'
import { onGateway, together } from './common-objects.ts'
import { type Lines, manifest, nothing } from './manifest.ts'

export const istioFilters = (question: ClusterQuestion): readonly Lines[] => [dropOf(question)]

const remove = (names: readonly string[]): Lines => together(names.map(name => manifest`- remove: ${name}`))

const removePrefix = (prefixes: readonly string[]): Lines =>
  together(prefixes.map(prefix => manifest`- remove_on_match: { key_matcher: { prefix: ${prefix} } }`))

const dropOf = (question: ClusterQuestion): Lines => manifest`
# What is not a client's to say is gone before anything is asked. No kind of Istio's own acts before the check.
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
${onGateway('sallyport-drop', question)}
  configPatches:
    - applyTo: NETWORK_FILTER
      match:
        context: GATEWAY
        listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }
      patch:
        operation: MERGE
        value:
          name: envoy.filters.network.http_connection_manager
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            # Many applications read Remote_User as Remote-User. The other forms of it are dropped below.
            common_http_protocol_options: { headers_with_underscores_action: DROP_HEADER }
            ${slashesOf(question)}
    - applyTo: HTTP_FILTER
      match:
        context: GATEWAY
        listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } }
      patch:
        operation: INSERT_FIRST
        value:
          name: sallyport-drop
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
            mutations:
              request_mutations:
                # Remote.User and Remote!User are Remote-User to many applications.
                - remove_on_match: { key_matcher: { safe_regex: { regex: "[^:a-z0-9-].*|[^:].*[^a-z0-9-].*" } } }
                ${remove([...question.identityHeaders, ...droppedNames, ...droppedForwarded])}
                ${certificateHeader(question)}
                ${removePrefix(droppedPrefixes)}
                # The peer, or what a trusted balancer says of its client; alone: what a client wrote before it is gone.
                - append:
                    header: { key: x-forwarded-for, value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" }
                    append_action: OVERWRITE_IF_EXISTS_OR_ADD`

const certificateHeader = ({ clientCertificateHeader }: ClusterQuestion): Lines =>
  clientCertificateHeader === undefined ? nothing : manifest`- remove: ${clientCertificateHeader}`

const slashesOf = ({ hosts }: ClusterQuestion): Lines =>
  hosts.some(({ encodedSlash }) => encodedSlash)
    ? nothing
    : manifest`
# %2F and %5C are letters to Envoy and slashes to many applications (CVE-2021-29492).
path_with_escaped_slashes_action: REJECT_REQUEST`
