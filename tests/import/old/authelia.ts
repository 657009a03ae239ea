/** What Authelia decides, read from its documentation of access_control: the first rule that fits. */
import { parse } from 'yaml'
import { type Asked, goPattern, isIn, type Question } from './questions.ts'

interface Rule {
  readonly domain?: string | string[]
  readonly domain_regex?: string | string[]
  readonly policy: string
  readonly subject?: string | (string | string[])[]
  readonly resources?: string[]
  readonly methods?: string[]
  readonly networks?: string | string[]
  readonly query?: unknown
}

interface Configuration {
  readonly access_control: {
    readonly default_policy?: string
    readonly networks?: readonly { readonly name: string; readonly networks: string | string[] }[]
    readonly rules?: readonly Rule[]
  }
}

const listOf = <T>(value: T | T[] | undefined): T[] => (value === undefined ? [] : ([value].flat() as T[]))

export function readAuthelia(text: string): { asked: Asked; allows: (question: Question) => boolean } {
  const { default_policy: last = 'deny', networks = [], rules = [] } = (parse(text) as Configuration).access_control
  const named = new Map(networks.map(({ name, networks: list }) => [name, listOf(list)]))
  const isDomain = (rule: Rule, { host, who }: Question): boolean =>
    listOf(rule.domain).some(domain => {
      if (domain.startsWith('{user}')) return who.login === undefined || host === who.login + domain.slice(6)
      return domain.startsWith('*.') ? host.endsWith(domain.slice(1)) : host === domain
    }) || listOf(rule.domain_regex).some(pattern => goPattern(pattern).test(host))
  const isSubject = (rule: Rule, { who }: Question): boolean =>
    rule.subject === undefined ||
    who.login === undefined ||
    listOf(rule.subject).some(one =>
      listOf(one).every(name =>
        name.startsWith('user:') ? name === `user:${who.login}` : who.groups.includes(name.slice(6)),
      ),
    )
  const fits = (rule: Rule, question: Question): boolean =>
    isDomain(rule, question) &&
    isSubject(rule, question) &&
    (rule.resources?.some(pattern => goPattern(pattern).test(question.path)) ?? true) &&
    (rule.methods?.includes(question.method) ?? true) &&
    (rule.networks === undefined ||
      listOf(rule.networks)
        .flatMap(name => named.get(name) ?? [name])
        .some(network => isIn(network, question.who.address))) &&
    // No question has a query, and every rule about one wants it present.
    rule.query === undefined
  const hosts = rules.flatMap(rule => listOf(rule.domain)).map(domain => domain.replace(/^(?:\*|\{user\})/, 'alice'))
  return {
    asked: { hosts: [...hosts, ...spelt(rules)], paths: rules.flatMap(rule => rule.resources ?? []) },
    allows: question => {
      const rule = rules.find(one => fits(one, question))
      const policy = rule?.policy ?? last
      if (question.who.login === undefined) return policy === 'bypass' && rule?.subject === undefined
      return policy === 'two_factor' ? question.who.mfa : policy !== 'deny'
    },
  }
}

/** Hosts that the patterns of the corpus mean. */
const spelt = (rules: readonly Rule[]): readonly string[] =>
  [
    'wiki.example.com',
    'docs.example.com',
    'x.lab.example.com',
    'grafana-1.example.com',
    'grafana-22.example.com',
  ].filter(host => rules.some(rule => listOf(rule.domain_regex).some(pattern => goPattern(pattern).test(host))))
