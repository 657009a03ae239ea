/** What Mallory sends to be taken for somebody else, or to have a second call read out of a first. */

const secrets = '/api/v1/namespaces/kube-system/secrets'
const call = `GET /clusters/prod${secrets} HTTP/1.1`
const hidden = `GET ${secrets} HTTP/1.1\r\nHost: localhost\r\nImpersonate-User: root\r\nImpersonate-Group: system:masters\r\n\r\n`
const exec = '/clusters/prod/api/v1/namespaces/payments/pods/web-0/exec?command=sh'
const webSocket =
  'Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v5.channel.k8s.io'
const post = 'POST /clusters/prod/api/v1/namespaces/payments/configmaps HTTP/1.1'

const headers: readonly string[] = [
  'Impersonate-User: root',
  'impersonate-group: system:masters',
  'Impersonate_User: root',
  'Impersonate-User : root',
  ' Impersonate-User: root',
  'X: y\r\n Impersonate-User: root',
  'X: y\nImpersonate-User: root',
  'X: y\rImpersonate-User: root',
  'Connection: Impersonate-User',
  'Connection: close, impersonate-user, impersonate-group, authorization, audit-id, x-forwarded-for',
  'Connection: Impersonate-User\r\nImpersonate-User: root',
  'X-Remote-User: root\r\nX-Remote-Group: system:masters',
  'X_Remote_User: root',
  'Connection: X-Remote-User\r\nX-Remote-User: root',
  'X-Forwarded-For: 203.0.113.7',
  'Forwarded: for=203.0.113.7;host=root',
  'X-Original-Url: /api\r\nX-Rewrite-Url: /api\r\nX-HTTP-Method-Override: DELETE',
  'Authorization: Bearer of-root',
  'Proxy-Authorization: Bearer of-root',
  'Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.b2Ytcm9vdA',
  'Audit-ID: of-mallory',
  'Audit_ID: of-mallory',
  'Host: other',
  'Trailer: Impersonate-User',
]

const bodies: readonly string[] = [
  `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
  `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  `Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n${hidden}`,
  `Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n${hidden}`,
  `Transfer_Encoding: chunked\r\nContent-Length: 0\r\n\r\n${hidden}`,
  `Connection: Content-Length\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  `Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  `Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  `Content-Length: +0\r\n\r\n${hidden}`,
  `Content-Length: ${hidden.length}\r\nExpect: 100-continue\r\n\r\n${hidden}`,
  `Transfer-Encoding: chunked\r\n\r\n0\r\nImpersonate-User: root\r\n\r\n`,
  `Transfer-Encoding: chunked\r\n\r\n2;x="\r\n{}\r\n0\r\n\r\n${hidden}`,
]

const upgrades: readonly string[] = [
  `GET ${exec} HTTP/1.1\r\nConnection: Upgrade\r\n${webSocket}\r\n\r\n${hidden}`,
  `GET ${exec} HTTP/1.1\r\nConnection: Upgrade, Impersonate-User\r\n${webSocket}\r\nImpersonate-User: root\r\n\r\n${hidden}`,
  `${call}\r\nConnection: Upgrade\r\n${webSocket}\r\n\r\n${hidden}`,
  `POST ${exec} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  `POST ${exec} HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n${hidden}`,
  `${call}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${hidden}`,
  `${call}\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n${hidden}`,
]

const withHost = (text: string): string => text.replace('\r\n', '\r\nHost: localhost\r\n')

/** Bytes of a connection each, in HTTP/1.1. */
export const smuggled: readonly string[] = [
  ...headers.map(line => `${call}\r\nHost: localhost\r\nConnection: close\r\n${line}\r\n\r\n`),
  ...bodies.map(rest => withHost(`${post}\r\nContent-Type: application/json\r\n${rest}`)),
  ...upgrades.map(withHost),
  `GET https://localhost/clusters/prod${secrets} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  `GET https://root@localhost/clusters/prod${secrets} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  `GET /clusters/prod/../prod${secrets} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  `GET /clusters/prod${secrets} HTTP/1.1\r\nImpersonate-User: root HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  `GET /clusters/prod${secrets} HTTP/1.0\r\nImpersonate-User: root\r\n\r\n`,
  `CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n${hidden}`,
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
]

/** The same in HTTP/2: what pseudo-headers and fields of one can hold. */
export const smuggledInHttp2: readonly Readonly<Record<string, string | string[]>>[] = [
  { ':path': `/clusters/prod${secrets}`, 'impersonate-user': 'root' },
  { ':path': `/clusters/prod${secrets}`, impersonate_user: 'root' },
  { ':path': `/clusters/prod${secrets}`, 'x-remote-user': 'root', 'x-remote-group': 'system:masters' },
  { ':path': `/clusters/prod${secrets}`, x_remote_user: 'root' },
  { ':path': `/clusters/prod${secrets}`, 'x-forwarded-for': '203.0.113.7' },
  { ':path': `/clusters/prod${secrets}`, 'audit-id': 'of-mallory' },
  { ':path': `/clusters/prod${secrets}`, ':authority': 'other', host: 'localhost' },
  { ':path': `/clusters/prod${secrets}`, ':authority': 'root@localhost' },
  { ':path': `/clusters/prod${secrets}`, ':scheme': 'http' },
  { ':path': `/clusters/prod${secrets}`, ':method': 'get' },
  { ':path': `/clusters/prod${secrets}`, ':method': 'GET /api HTTP/1.1' },
  { ':path': `/clusters/prod${secrets}`, te: 'trailers' },
  { ':path': `/clusters/prod${secrets}`, trailer: 'impersonate-user' },
  { ':path': `/clusters/prod${secrets} HTTP/1.1` },
  { ':path': `/clusters/prod${secrets}#/api` },
  { ':path': `https://localhost/clusters/prod${secrets}` },
  { ':path': `clusters/prod${secrets}` },
  { ':path': '*' },
]
