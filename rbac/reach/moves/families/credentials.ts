/** Becoming somebody else by a credential: tokens, Secrets, certificates. */
import { always, byScope, nowhere, type RightsMove, systemNamespace } from '../move.ts'
import { all, any, can, canAny } from '../need.ts'
import { accounts, accountsId, namesOf, secrets, told, usesOn, whoever } from '../targets.ts'

const goodPractices = 'https://kubernetes.io/docs/concepts/security/rbac-good-practices/'
const csrPage = 'https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/'
const csr = 'certificatesigningrequests.certificates.k8s.io'
const clientSigner = 'kubernetes.io/kube-apiserver-client'
/** Signers are asked for by their name, and by `<domain>/*`: no other wildcard means anything. */
const isClientSigner = (name: string): boolean => name === clientSigner || name === 'kubernetes.io/*'

export const credentialMoves: readonly RightsMove[] = [
  {
    id: 'ID09',
    title: 'Mint a token',
    can: 'mint tokens for service accounts',
    scope: 'namespaced',
    needs: can('create', 'serviceaccounts/token'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical', named: 'medium' }),
    reaches: told('each service account named, or every one there', at => accounts(at, at.uses, true)),
    why: 'A TokenRequest answers with a token of the account, for as long as the server lets it live. Storage drivers get this right for one account of theirs and are often granted it for all.',
    close:
      'List the accounts in resourceNames, in a Role of their namespace: the name is compared here, because the request is one on the account.',
    narrow: 'the service accounts',
    sources: [`${goodPractices}#token-request`],
  },
  {
    id: 'ID10',
    title: 'List Secrets',
    can: 'read Secrets by listing or watching them',
    scope: 'namespaced',
    needs: can('list watch', 'secrets'),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical', named: 'low' }),
    reaches: told('every Secret there, and the accounts whose tokens stand in them', at => secrets(at, at.uses)),
    why: 'A list shows the contents, not only the names. With resourceNames it works for a client that selects that one name.',
    close: 'Grant get on named Secrets only, and keep no tokens in Secrets.',
    narrow: 'the Secrets',
    sources: [`${goodPractices}#listing-secrets`],
  },
  {
    id: 'ID11',
    title: 'Read Secrets by name',
    can: 'read Secrets whose names it knows or guesses',
    scope: 'namespaced',
    needs: can('get', 'secrets'),
    severity: byScope({ cluster: 'high', namespace: 'medium', system: 'high', named: 'low' }),
    reaches: told('each Secret named, or every one there', at => secrets(at, at.uses)),
    why: 'Names of Secrets are in manifests and in the fields of pods; those of token Secrets end in five characters of a small alphabet, which can be tried.',
    close: 'List the Secrets in resourceNames.',
    narrow: 'the Secrets',
    sources: [`${goodPractices}#listing-secrets`],
  },
  {
    id: 'ID12',
    title: 'Have a token Secret made',
    can: 'have tokens of service accounts put into Secrets that it can read',
    scope: 'namespaced',
    needs: all(can('create', 'secrets'), any(can('get list watch patch', 'secrets'), can('create', 'pods'))),
    severity: byScope({ cluster: 'critical', namespace: 'high', system: 'critical' }),
    reaches: told('every service account there', ({ namespace }) => ({ to: [accountsId(namespace)] })),
    why: 'A Secret of type kubernetes.io/service-account-token that names an account gets a token of it written into it, which does not expire. It is read, which the answer to a patch does as well, or mounted into a pod.',
    close: 'Give creating and reading to different identities, and refuse that type by an admission policy.',
    sources: ['https://kubernetes.io/docs/concepts/configuration/secret/#service-account-token-secrets'],
  },
  {
    id: 'ID13',
    title: 'Rewrite Secrets',
    can: 'change Secrets, and read what a change answers with',
    scope: 'namespaced',
    needs: can('update patch', 'secrets'),
    severity: byScope({ cluster: 'high', namespace: 'high', named: 'medium' }),
    reaches: told('each Secret named, or every one there', at => secrets(at, at.uses)),
    why: 'The answer to a patch is the whole Secret. What is written is the credential that somebody else will use, or the account whose token is put into it.',
    close: 'List the Secrets in resourceNames.',
    narrow: 'the Secrets',
    sources: [goodPractices],
  },
  {
    id: 'ID14',
    title: 'Issue itself a client certificate',
    can: 'issue client certificates for any user, service account or group',
    scope: 'cluster',
    needs: all(
      can('create', csr),
      can('update patch', `${csr}/approval`),
      can('approve', 'signers.certificates.k8s.io', { names: isClientSigner }),
    ),
    severity: always('critical'),
    reaches: told(
      'every user and service account, and every group but system:masters, which admission refuses',
      at => ({
        to: ['users:*', 'groups:*', ...whoever(at)],
      }),
    ),
    why: 'Who can ask for a certificate and approve it chooses the name in it, system:serviceaccount:<namespace>:<name> as well: RBAC compares names. Certificates cannot be taken back before they expire. The certificate is in the answer to a second approval: no right to read is needed.',
    close: 'Do not give creating and approving to one identity, and name the signers in resourceNames.',
    narrow: 'the signers',
    sources: [`${goodPractices}#csrs-and-certificate-issuing`, csrPage],
  },
  {
    id: 'ID15',
    title: 'Sign certificates',
    can: 'put certificates into signing requests',
    scope: 'cluster',
    needs: all(can('sign', 'signers.certificates.k8s.io'), can('update patch', `${csr}/status`)),
    severity: {
      text: 'critical where a signer of client certificates is one of them, medium otherwise',
      of: at => {
        const names = namesOf(usesOn(at, 'signers'))
        return names === 'any' || names.some(isClientSigner) ? 'critical' : 'medium'
      },
    },
    reaches: {
      text: 'whoever trusts the signer; everybody where that is the API server and the key is known',
      of: at => {
        const names = namesOf(usesOn(at, 'signers'))
        const isTrusted = names === 'any' || names.some(isClientSigner)
        return { to: [], maybe: isTrusted ? ['users:*', 'groups:*', ...whoever(at)] : [] }
      },
    },
    why: 'A signer answers requests with certificates of its authority. The API server trusts them only if it trusts that authority.',
    close: 'Name the signers in resourceNames.',
    narrow: 'the signers',
    sources: [csrPage],
  },
  {
    id: 'ID16',
    title: 'Make a bootstrap token',
    can: 'make bootstrap tokens, and with one a node',
    scope: [systemNamespace],
    // Named so, or it is not taken for one.
    needs: can('create', 'secrets', { names: name => name.startsWith('bootstrap-token-') }),
    severity: always('high'),
    reaches: told('the group of nodes that join', () => ({ to: ['group:system:bootstrappers'] })),
    why: 'A Secret of type bootstrap.kubernetes.io/token in kube-system is a credential of system:bootstrappers, whose certificates for nodes are approved by themselves.',
    close: 'Do not let anybody create Secrets in kube-system, or refuse that type by an admission policy.',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/'],
  },
  {
    id: 'CP09',
    title: 'Change service accounts',
    can: 'change service accounts: their cloud identity, pull secrets and automount',
    scope: 'namespaced',
    needs: can('update patch', 'serviceaccounts'),
    severity: always('medium'),
    reaches: nowhere,
    why: 'An annotation makes a service account a role of the cloud (eks.amazonaws.com/role-arn, iam.gke.io/gcp-service-account).',
    close: 'List the accounts in resourceNames, or guard the annotations by an admission policy.',
    narrow: 'the service accounts',
    sources: [goodPractices],
  },
  {
    id: 'CP06',
    title: 'Ask about others',
    can: 'ask whose a token is, or what anybody may do',
    scope: 'cluster',
    needs: canAny('create', 'tokenreviews.authentication.k8s.io', 'subjectaccessreviews.authorization.k8s.io'),
    severity: always('low'),
    reaches: nowhere,
    why: 'It gains nothing by itself. It says at once what a stolen token is worth, and who is worth attacking.',
    close: 'Grant it to what verifies tokens, and to nothing else.',
    sources: ['https://kubernetes.io/docs/reference/access-authn-authz/authorization/'],
  },
]
