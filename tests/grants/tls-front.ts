/** A service that listens in the clear, reached over TLS: as behind a balancer that passes bytes on. */
import { connect } from 'node:net'
import { createServer } from 'node:tls'
import { createOutbound, type Outbound } from '../../app/login/provider/outbound.ts'
import { createAuthority } from '../certificates.ts'
import { freePort } from '../peers.ts'
import { startService, type TestService, type TestServiceOptions } from '../service.ts'
import type { ReachedService } from './world.ts'

export interface TlsFront {
  readonly publicUrl: string
  /** Where the service has to listen. */
  readonly plainPort: number
  /** PEM, of 127.0.0.1, and whoever vouches for them. */
  readonly certificate: string
  readonly key: string
  readonly authority: string
  readonly outbound: Outbound
  close(): Promise<void>
}

export async function startTlsFront(): Promise<TlsFront> {
  const authority = createAuthority('an authority of tests')
  const { certificate, key } = authority.issue('127.0.0.1', ['IP:127.0.0.1'])
  authority.close()
  const [plainPort, tlsPort] = [await freePort(), await freePort()]
  const server = createServer({ cert: certificate, key }, socket => {
    const inner = connect(plainPort, '127.0.0.1')
    for (const end of [socket, inner]) end.on('error', () => [socket, inner].forEach(one => void one.destroy()))
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>(resolve => server.listen(tlsPort, '127.0.0.1', resolve))
  const outbound = createOutbound({ certificateAuthority: authority.certificate })
  return {
    publicUrl: `https://127.0.0.1:${tlsPort}`,
    plainPort,
    certificate,
    key,
    authority: authority.certificate,
    outbound,
    async close() {
      await outbound.close()
      server.close()
    },
  }
}

export type ServiceOverTls = TestService & ReachedService

/** The service behind it; what is in `settings` goes along. */
export async function startBehindTls(front: TlsFront, options: TestServiceOptions): Promise<ServiceOverTls> {
  const { publicUrl, plainPort, outbound } = front
  const settings = { ...options.settings, server: { url: publicUrl, ...options.settings?.server } }
  const client = () => ({ ...options.client?.(publicUrl), redirectUris: [`${publicUrl}/callback/corp`] })
  const service = await startService({ ...options, settings, client, port: plainPort })
  return { ...service, publicUrl, outbound }
}
