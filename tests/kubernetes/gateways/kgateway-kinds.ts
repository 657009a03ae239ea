/**
 * What of kgateway's kinds is printed, written down by hand from its Go types (`api/v1alpha1/kgateway` and `shared`, read on
 * 2026-11-30; the paths by which they stand in a request are those of 2.2). Its own definitions are in no registry that tests reach.
 * So this shows that what is printed is what was read there, field by field; that the reading was right it cannot show.
 */

/** A schema of OpenAPI 3. */
type Schema = Readonly<Record<string, unknown>>

const object = (properties: Readonly<Record<string, Schema>>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
})
const text: Schema = { type: 'string' }
const flag: Schema = { type: 'boolean' }
const number = (minimum: number, maximum: number): Schema => ({ type: 'integer', format: 'int32', minimum, maximum })
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, ...more })
const rule = (expression: string, message: string): Schema => ({
  'x-kubernetes-validations': [{ rule: expression, message }],
})
const oneOf = (first: string, second: string): Schema =>
  rule(`has(self.${first}) != has(self.${second})`, `exactly one of ${first} and ${second}`)

const backendRef = object(
  { group: text, kind: text, name: text, namespace: text, port: number(1, 65535), weight: number(0, 1_000_000) },
  { required: ['name'] },
)
const targetRefs = (kinds: readonly string[]): Schema =>
  list(object({ group: text, kind: text, name: text }, { required: ['group', 'kind', 'name'] }), {
    minItems: 1,
    maxItems: 16,
    ...rule(`self.all(r, r.kind in ${JSON.stringify(kinds)})`, `targetRefs may only reference ${kinds.join(', ')}`),
  })

/** `ExtAuthProvider`, `ExtGrpcService`. */
const extAuthProvider = object(
  {
    grpcService: object(
      {
        backendRef,
        authority: text,
        requestTimeout: { type: 'string', pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' },
      },
      { required: ['backendRef'] },
    ),
    httpService: object({ backendRef, pathPrefix: text }, { required: ['backendRef'] }),
    headersToForward: list(text),
    failOpen: flag,
    clearRouteCache: flag,
    statusOnError: number(100, 511),
    percentageEnabled: number(0, 100),
  },
  oneOf('grpcService', 'httpService'),
)

/** `ExtAuthPolicy`. */
const extAuthPolicy = object(
  {
    extensionRef: object({ name: text, namespace: text }, { required: ['name'] }),
    contextExtensions: { type: 'object', additionalProperties: text },
    disable: object({}),
  },
  oneOf('extensionRef', 'disable'),
)

/** `HTTPSettings`, with the Gateway API's `HTTPHeaderFilter`. */
const httpSettings = object({
  useRemoteAddress: flag,
  xffNumTrustedHops: number(0, 2 ** 31 - 1),
  earlyRequestHeaderModifier: object({ remove: list(text, { maxItems: 16, 'x-kubernetes-list-type': 'set' }) }),
})

const specs: Readonly<Record<string, readonly [plural: string, spec: Schema]>> = {
  GatewayExtension: [
    'gatewayextensions',
    object({
      type: { type: 'string', enum: ['ExtAuth', 'ExtProc', 'RateLimit', 'JWT', 'OAuth2'] },
      extAuth: extAuthProvider,
    }),
  ],
  TrafficPolicy: [
    'trafficpolicies',
    object({ targetRefs: targetRefs(['Gateway', 'HTTPRoute', 'GRPCRoute']), extAuth: extAuthPolicy }),
  ],
  ListenerPolicy: [
    'listenerpolicies',
    object({ targetRefs: targetRefs(['Gateway']), default: object({ httpSettings }) }),
  ],
  DirectResponse: ['directresponses', object({ status: number(200, 599), body: text }, { required: ['status'] })],
}

/** Definitions, as texts for `addKinds`. */
export const kgatewayKinds: readonly string[] = Object.entries(specs).map(([kind, [plural, spec]]) =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.gateway.kgateway.dev` },
    spec: {
      group: 'gateway.kgateway.dev',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: object(
              { apiVersion: text, kind: text, metadata: { type: 'object' }, spec },
              { required: ['spec'] },
            ),
          },
        },
      ],
    },
  }),
)
