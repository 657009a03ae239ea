/** The streams that the node sees, as they open and close: whether a command still runs is asked there, not at a client. */
import { request } from 'node:http'
import { createHistory } from '../../cli/demo/cluster/history.ts'
import { readLines } from '../../cli/demo/cluster/lines.ts'

export type StreamKind = 'exec' | 'attach' | 'portforward' | 'logs'

interface StreamEvent {
  readonly id: number
  readonly kind: StreamKind
  readonly namespace: string
  readonly pod: string
  readonly isOpen: boolean
}

export type OpenStream = Omit<StreamEvent, 'isOpen'>

export interface OpenStreams {
  readonly now: () => readonly OpenStream[]
  /** @param what for the message of the error, after two minutes in vain */
  readonly until: (fits: (open: readonly OpenStream[]) => boolean, what: string) => Promise<void>
  /** Has a container's main program print something, whole lines for most clients. */
  readonly print: (container: string, text: string) => Promise<void>
  readonly close: () => void
}

/** @param socketPath kubelet.sock of the node */
export async function watchStreams(socketPath: string): Promise<OpenStreams> {
  const history = createHistory<StreamEvent>()
  const open = (events: readonly StreamEvent[]): readonly OpenStream[] => {
    const ended = new Set(events.filter(event => !event.isOpen).map(event => event.id))
    return events.filter(event => event.isOpen && !ended.has(event.id))
  }
  const watching = request({ socketPath, path: '/streams', agent: false })
  await new Promise<void>((resolve, reject) => {
    watching.once('error', reject)
    watching.once('response', response => {
      readLines(response, line => history.add(JSON.parse(line) as StreamEvent))
      resolve()
    })
    watching.end()
  })
  watching.on('error', () => undefined)
  return {
    now: () => open(history.all),
    until: (fits, what) => history.untilAll(events => fits(open(events)), what),
    print: (container, text) =>
      new Promise((resolve, reject) => {
        const path = `/containerLogs/${container}`
        const printing = request({ socketPath, path, method: 'POST', agent: false }, response => {
          response.resume().once('end', resolve)
        })
        printing.once('error', reject).end(text)
      }),
    close: () => void watching.destroy(),
  }
}
