/** Contract of a format: one way in which a proxy is told what it has to do. */
import type { ProxyQuestion } from './question.ts'

/** One file of what is printed. */
export interface ProxyFile {
  /** Below the folder of the output, with slashes; letters, digits, dots and dashes only. */
  readonly path: string
  /** The whole text, ending with a line break. The line that says where it came from is put above it. */
  readonly text: string
  /** What begins a comment in it. Default `#`. */
  readonly comment?: string
}

export interface ProxyFormat {
  /** As it is written on the command line. */
  readonly name: string
  /** One line for `--list`: what is printed, and for which proxy. */
  readonly summary: string
  /** Where the files usually are on the proxy's machine, for the lines that need a whole path. Default `/etc/<name>`. */
  readonly directory?: string
  /** Whether the proxy gets certificates by itself where none is named. Default false. */
  readonly fetchesCertificates?: boolean
  /** Where the application of a host is that names no address. Absent: every host has to name one. */
  readonly upstreamOf?: (host: string) => { readonly host: string; readonly port: number }
  /** Whether it is a gateway in a cluster: addresses are Services then, and TLS ends with objects. Default false. */
  readonly isInCluster?: boolean
  /** Whether only headers that are listed are sent with a check, over one of its ways to ask. Default false. */
  readonly listsHeaders?: boolean
  /** Whether it passes checks on to several replicas over an address of its own (`--checks`). Default false. */
  readonly passesChecksOn?: boolean
  /** Whether it is told to speak HTTP/3 as well where that is asked for. Default false. */
  readonly speaksHttp3?: boolean
  /** Whether it is told to ask clients for certificates where that is asked for. Default false. */
  readonly asksForCertificates?: boolean
  /** Whether it can be told that every connection begins with the PROXY protocol, of named balancers alone. Default false. */
  readonly takesProxyProtocol?: boolean
  /** Whether its checks are gRPC, over TLS where the listener of Sallyport has it. Default false. */
  readonly asksOverGrpc?: boolean
  /** Whether it reaches Sallyport by a Unix socket as well. Default false. */
  readonly opensSockets?: boolean
  /** The one header, in lower case, in which it can pass a certificate on. Default: any. */
  readonly certificateHeader?: string
  /** Whether it lists a balancer in front as one more hop, which Sallyport has to trust then. Default false. */
  readonly listsBalancers?: boolean
  /** Why nobody should begin with it any more; said on standard error. */
  readonly retired?: string
  /**
   * Every file, pure: every value of the question was checked before, and means nothing to any format but itself.
   * Throws `QuestionError` where the proxy cannot do what is asked; it never leaves something out.
   */
  readonly render: (question: ProxyQuestion) => readonly ProxyFile[]
}
