/**
 * Only a WebSocket may switch protocols.
 *
 * Threat: after `101 Switching Protocols` for `h2c` the connection is a tunnel to the application, in which an HTTP/2
 * client asks for any path under any name, and nobody is asked about it.
 */
import { head, isOpen, type Outcome, type Probe, type Target } from './probe.ts'

const settings = 'HTTP2-Settings: AAMAAABkAAQAAP__'
const both = 'Connection: Upgrade, HTTP2-Settings'

/** Header lines; none of them asks for a WebSocket as RFC 6455 has it. */
const spellings: readonly (readonly string[])[] = [
  [both, 'Upgrade: h2c', settings],
  [both, 'Upgrade: H2C', settings],
  ['cOnnEctIon: upGrade, http2-seTTings', 'uPGRADE: h2c', settings],
  [both, 'Upgrade: h2c, websocket', settings],
  [both, 'Upgrade: websocket, h2c', settings],
  [both, 'Upgrade: websocket,h2c', settings],
  [both, 'Upgrade: h2c', 'Upgrade: websocket', settings],
  [both, 'Upgrade:', 'Upgrade: h2c', settings],
  [both, 'Upgrade: "h2c"', settings],
  ['Connection: Upgrade', 'Connection: HTTP2-Settings', 'Upgrade: h2c', settings],
  ['Connection: close, Upgrade, HTTP2-Settings', 'Upgrade: h2c', settings],
  ['Connection: Upgrade', 'Upgrade: h2c', settings],
  ['Connection: Upgrade', 'Upgrade: HTTP/2.0', settings],
  ['Connection: Upgrade', 'Upgrade: TLS/1.0'],
  ['Connection: Upgrade', 'Upgrade: connect-udp', 'Capsule-Protocol: ?1'],
  ['Connection: Upgrade', 'Upgrade: websockets'],
]

export const upgradeTokens: Probe = {
  name: 'upgrade-tokens',
  title: 'only a WebSocket may switch protocols',
  docs: 'docs/doctor.md#upgrade-tokens',
  run: async target => {
    for (const lines of spellings) {
      const { status } = await target.send(`${head(target)}${lines.join('\r\n')}\r\n\r\n`)
      if (status === 101) return tunnel(lines)
    }
    return isOpen(target) ? passed : notReached(target)
  },
}

const tunnel = (lines: readonly string[]): Outcome => ({
  status: 'fail',
  why: `"${lines.find(line => /^upgrade: *\S/i.test(line))}" is answered with 101: the connection is a tunnel past every check`,
  fix: 'let the proxy pass `Upgrade` on for `websocket` alone, and drop `HTTP2-Settings`; the files in deploy/ do',
})

const passed: Outcome = {
  status: 'pass',
  why: `${spellings.length} spellings of h2c and other protocols, none of them was switched to`,
}

/** The login page came first; whether an application would have switched is not known. */
const notReached = ({ usual }: Target): Outcome => ({
  status: 'not-applicable',
  why: `a stranger does not reach an application here (${usual.status}); name a page as well that everybody may open`,
})
