/** Something that answers like a Sentinel, and says what the test wants it to say. */
import { createServer } from 'node:net'

export interface NamedMaster {
  readonly port: number
  readonly epoch: number
}

/** Answers every command with the master that `named` gives at that moment. */
export async function startFakeSentinel(named: () => NamedMaster) {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.on('data', chunk => {
      const commands = String(chunk).match(/^\*\d+\r$/gm)?.length ?? 0
      for (let count = 0; count < commands; count += 1) socket.write(answerOf(named()))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    stop: () => server.close(),
  }
}

function answerOf({ port, epoch }: NamedMaster): string {
  const fields = ['name', 'sallyport', 'ip', '127.0.0.1', 'port', String(port), 'config-epoch', String(epoch)]
  return `*${fields.length}\r\n${fields.map(field => `$${field.length}\r\n${field}\r\n`).join('')}`
}
