/** Why a call to an API server is not judged at all. What has no one reading has no answer but a refusal. */

/** Every reason, with the sentence that explains it. The documentation is written from here. */
export const kubernetesRefusals = {
  method: 'The API server has no verb for this method here.',
  length: 'The target is longer than 16,384 characters.',
  target: 'The target is no path: it names a host, holds a fragment, a space or a character beyond ASCII.',
  escape: 'A percent sign encodes nothing, or what it encodes is not valid UTF-8.',
  'dot-segment': 'The path holds a segment of dots, plain or hidden in escapes.',
  'empty-segment': 'The path holds an empty segment where the API server looks for a name.',
  character: 'A segment holds a slash, backslash, percent sign, semicolon, question mark, hash or control character.',
  incomplete: 'A verb stands in the path and nothing behind it.',
  namespace: 'No namespace can have this name.',
  group: 'No API group can have this name.',
  version: 'No API version can have this name.',
  query: 'The query can be read in two ways: a semicolon, a broken escape, an option that comes twice or is no number.',
  selector: 'The selector cannot be read, or names two objects, or an object that cannot be.',
  upgrade: 'Nothing is upgraded here, or not to this protocol, or not with this method.',
  'content-type': 'The content type comes twice.',
} as const

export type KubernetesRefusal = keyof typeof kubernetesRefusals

/** Thrown within this folder only. */
export class Refused extends Error {
  readonly reason: KubernetesRefusal
  constructor(reason: KubernetesRefusal) {
    super(kubernetesRefusals[reason])
    this.reason = reason
  }
}

export function refuse(reason: KubernetesRefusal): never {
  throw new Refused(reason)
}
