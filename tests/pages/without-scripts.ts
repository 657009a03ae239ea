/** A page without the script of ours that stands at its end: any other one is still there. */
import { pageScripts } from '../../app/pages/scripts.ts'

export const withoutScripts = (page: string): string =>
  Object.values(pageScripts).reduce((rest, { element }) => rest.replace(`${element.markup}</body>`, '</body>'), page)
