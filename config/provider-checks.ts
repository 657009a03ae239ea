/** What providers need beyond the form of each of their settings. */
import { type CrossFinding, checkSecretForms } from './secret-forms.ts'
import { getIn, type Tree } from './tree.ts'

export function checkProviders(tree: Tree): CrossFinding[] {
  const providers = getIn(tree, ['providers'])
  if (!Array.isArray(providers)) return []
  const names = providers.map((_, index) => getIn(tree, ['providers', index, 'name']))
  return providers.flatMap((_, index): CrossFinding[] => [
    ...checkSecretForms(tree, ['providers', index], 'clientSecret', true),
    ...(names[index] !== undefined && names.indexOf(names[index]) < index
      ? [{ path: ['providers', index, 'name'], message: 'expected a name of its own, got that of another provider' }]
      : []),
  ])
}
