/** The cheapest server there is: it answers each chunk with the same bytes. Shows what the load generator itself takes. */
import { type AddressInfo, createServer } from 'node:net'

/** A request of the bench arrives in one chunk. */
export function runRawResponder(): void {
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\nX-Filler: ${'a'.repeat(900)}\r\nContent-Length: 0\r\n\r\n`)
  const server = createServer({ noDelay: true }, socket => {
    socket.on('data', () => socket.write(answer))
    // The generator just goes away.
    socket.on('error', () => socket.destroy())
  })
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}
