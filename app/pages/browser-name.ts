/** What a person calls the browser of a User-Agent: enough to recognise one's own, and not to be relied on. */

/** In this order: most browsers also name those whose pages they want. */
const browsers = [
  [/\bEdgA?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/[\d.]+.* Safari\//, 'Safari'],
] as const

const systems = [
  [/\bAndroid\b/, 'Android'],
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows NT\b/, 'Windows'],
  [/\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
] as const

/** `on`: how a language says it; the User-Agent as it is where no browser is known by it. */
export function browserName(userAgent: string, on: (browser: string, system: string) => string): string {
  const browser = browsers.find(([pattern]) => pattern.test(userAgent))?.[1]
  if (browser === undefined) return userAgent
  const system = systems.find(([pattern]) => pattern.test(userAgent))?.[1]
  return system === undefined ? browser : on(browser, system)
}
