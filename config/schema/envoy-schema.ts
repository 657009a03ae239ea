/** The settings of the listener for Envoy's checks over gRPC. */
import { z } from 'zod'
import { listenExpected, parsedListen, socketSettings } from './listen-place.ts'
import { section, setting, text } from './setting.ts'

const tls = z.strictObject({
  certificateFile: setting(text, {
    description: 'File that holds the certificate of the listener, in PEM, its own first; it is read at the start.',
    expected: 'a path',
    example: '/etc/sallyport/envoy.pem',
    isPath: true,
  }),
  keyFile: setting(text, {
    description: 'File that holds the private key of the certificate, in PEM; it is read at the start.',
    expected: 'a path',
    example: '/run/secrets/envoy-key.pem',
    isPath: true,
  }),
  clientCaFile: setting(text.exactOptional(), {
    description:
      'File that holds the certificates of the authority of the proxies, in PEM: nobody is answered who has no certificate of it. Absent: the address alone says who may ask (`server.trustedProxies`, which counts in any case).',
    expected: 'a path',
    example: '/etc/sallyport/envoy-ca.pem',
    isPath: true,
  }),
  clientNames: setting(z.array(text).min(1).exactOptional(), {
    description:
      'Subject alternative names (URI or DNS) of the proxies, beside `clientCaFile`: a certificate has to have one of them, compared whole. Absent: every certificate of that authority will do, so it must issue them to proxies alone.',
    expected: 'a list of names, at least one',
    example: ['spiffe://example.com/ns/edge/sa/envoy'],
  }),
})

export const envoy = z.strictObject({
  listen: setting(parsedListen('127.0.0.1:9183'), {
    description: "Address and port, or Unix socket, of the listener for Envoy's checks over gRPC.",
    expected: listenExpected,
  }),
  ...socketSettings('0660'),
  tls: section(tls.exactOptional(), 'The certificate of the listener; without it checks come in plain text.'),
})
