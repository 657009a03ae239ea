/**
 * Names under which an application may read an identity header as well, for the proxy to take away from the request: its own
 * configuration should have dropped them before, and somebody's does not.
 */
export const aliasesOf = (names: Iterable<string>): readonly string[] =>
  [...names].filter(name => name.includes('-')).flatMap(name => [name.replaceAll('-', '_'), name.replaceAll('-', '.')])
