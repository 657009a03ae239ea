/** The closed list of lint rules, and what a finding says. */

/** Every rule, with the sentence that explains it. */
export const lintRules = {
  'shadowed-row': 'Another row of the same effect covers this one, so that this one never decides.',
  'partly-covered-row': 'A wider row already allows a part of what this one allows, without what this one asks for.',
  'condition-passed-by': 'Some of those whom narrower rows ask for a condition are allowed without it by this row.',
  'allow-under-deny': 'A deny row covers this allow row, so that it never allows.',
  'condition-never-true': 'The condition can never let the row apply.',
  'row-ends-soon': 'Time puts an end to the row before long.',
  'pattern-never-matches': 'The resource pattern matches no path.',
  'read-otherwise': 'The allow row names `;` or `%2F` and does not fit the path as other servers read it.',
  'unknown-issuer': 'The subject names an issuer that is no configured provider.',
  'unknown-cluster': 'The domain names a cluster that is not configured.',
  'token-for-nothing': 'The row speaks of tokens for a host or a cluster that has none.',
  'machine-not-taken': 'The row names a machine whose tokens or certificates count nowhere in its domain.',
  'subject-spelling': 'The row meets one spelling of a name that a provider may well spell otherwise.',
  'near-names': 'Two names are so near to each other that one of them may be a slip.',
  'method-without-path': 'The method asks for no path, so that no request has it.',
  'role-without-members': 'Nobody has the role in the domain of the row.',
  'covered-membership': 'Another membership gives the role to the same people there.',
  'role-denied-elsewhere':
    'A deny row for a cluster, for tokens or for the console misses those who hold its role on hosts alone.',
  'role-without-rows': 'A role is given in a domain where no row speaks of it.',
  'unreached-deny': 'No allow row overlaps this deny row: there is nothing to take away.',
  'wide-host': 'The host pattern covers hosts of unrelated owners.',
  'open-to-everybody': 'Anybody may do anything on every host of a pattern, and nothing is asked of them.',
  'no-return': 'Logins do not lead back to hosts of the row, because nobody names them.',
  'odd-pattern': 'The resource pattern matches other paths than it seems to, or is slow.',
  'network-without-proxies': 'A network condition needs a trusted proxy that vouches for the address.',
  'certificate-without-header': 'A certificate condition needs a header in which the proxies pass the certificate.',
  'reading-that-acts': 'The row allows reading alone, and with it what passes through a proxy of the API server.',
  'creating-that-acts':
    'The row allows creating, and with it shells in pods, forwards and what passes through a proxy.',
  'stream-without-create': 'The row names exec, attach or portforward without `create`, by which streams are judged.',
  'lends-identity': 'The row lets people act as somebody else: by tokens of service accounts, or by impersonation.',
  'deny-passed-by-list': 'A call to a whole collection includes what the deny row denies, and another row allows it.',
  'deny-passed-by-as':
    'The row denies a group, and does not meet whoever asks to be one of its members (`--as`) without the group.',
  'deny-meets-every-as':
    'The row denies by a name that nobody has whom somebody asks to be (`--as`), so that it meets all of them.',
  'chosen-name': 'The row is bound to a claim that people may choose for themselves.',
  'condition-asks-nothing': 'The condition holds for everybody, or for every address of a kind.',
  'condition-implied': 'A part of the condition asks for nothing that the rest of it does not ask for.',
  'unused-condition': 'No row names the condition.',
  'casbin-model': 'The Casbin model matches without a row, or compares names without their roles.',
  'casbin-pattern': 'The pattern of a Casbin row matches more than it seems to.',
  'casbin-subject': 'The Casbin row names somebody whom nobody can be.',
  'casbin-size': 'Casbin compares many rows one by one.',
} as const

export type LintRule = keyof typeof lintRules

export interface Finding {
  readonly rule: LintRule
  /** A note is about style and cost; a warning is about a row that does not do what its author believes. */
  readonly severity: 'warning' | 'note'
  readonly file: string
  readonly line: number
  readonly message: string
  readonly advice: string
}

/** What is to be said about a row. */
export interface Said extends Pick<Finding, 'message' | 'advice'> {
  /** Default `warning`. */
  readonly severity?: 'note' | undefined
}

/** `id`: the place, `file:line`. */
export type Report = (rule: LintRule, id: string, said: Said) => void
