/** What a proxy has to know of the rest of the demo. */

/** Everything that the files of deploy/ leave open. Addresses are `host:port`. */
export interface ProxyTargets {
  readonly bind: string
  readonly port: number
  /** Host of Sallyport's public URL, without a port. */
  readonly authHost: string
  readonly authAddress: string
  /** Where Sallyport listens for checks over gRPC; only Envoy asks there. */
  readonly grpcAddress?: string
  readonly wikiAddress: string
  readonly payrollAddress: string
  readonly providerAddress: string
}
