/** The picture of an operator's own: what is taken is what browsers take for a picture, and nothing of it acts or fetches. */

import { createServer, type Server } from 'node:http'
import express from 'express'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogoRoute } from '../../app/login/logo.ts'
import { parseLogo } from '../../config/schema/logo.ts'
import { chromiumOptions } from '../chromium.ts'
import { browserPatienceMs, requirePeer } from '../peers.ts'
import { fc } from '../properties.ts'
import { close, listen } from '../provider.ts'

const ns = 'xmlns="http://www.w3.org/2000/svg"'
const svg = (inner: string, more = '') => `<svg ${ns} ${more}>${inner}</svg>`
/** One pixel. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=='
const image = (address: string, name = 'href') => svg(`<image width="8" height="2" ${name}="${address}"/>`)

const pictures: Readonly<Record<string, string>> = {
  plain: svg('<path d="M0 0h8v2z"/>', 'viewBox="0 0 8 2"'),
  'of Illustrator': `\ufeff<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r\n<!-- Generator: Illustrator - 24.0 -->\r\n${svg(
    '<defs><style>\n.cls-1 { fill: url(#a); }\n/* <b> */ </style><linearGradient id="a"><stop offset="0" stop-color=\'#fff\'/></linearGradient></defs><title>R&amp;D &#169;</title><rect class="cls-1" width="8" height="2"/>'.replace(
      '<b>',
      'b',
    ),
    'xmlns:xlink="http://www.w3.org/1999/xlink" xml:space="preserve" viewBox="0 0 8 2"',
  )}\n`,
  'with a sheet in CDATA': svg('<style><![CDATA[ .a > .b { fill: red } ]]></style><g class="a"><g class="b"/></g>'),
  'with a part used twice': svg(
    '<symbol id="s.1"><circle r="1"/></symbol><use xlink:href="#s.1"/><use href="#s.1" filter="url( \'#f\' )"/>',
    'xmlns:xlink="http://www.w3.org/1999/xlink"',
  ),
  'with a PNG': image(`data:image/png;base64,${png}`),
}

const refused: Readonly<Record<string, string>> = {
  'a link': svg('<a href="https://evil.example/"><path/></a>'),
  'a link to a script': svg('<a href="javascript:alert(1)"/>'),
  'a link to a script, written otherwise': svg('<a href="java&#115;cript:alert(1)"/>'),
  'a script': svg('<script>alert(1)</script>'),
  'a script of another prefix': `<svg ${ns} xmlns:a.b="http://www.w3.org/2000/svg"><a.b:script>alert(1)</a.b:script></svg>`,
  'a script of HTML': `<svg ${ns} xmlns:h="http://www.w3.org/1999/xhtml"><h:script>alert(1)</h:script></svg>`,
  'a script as another vocabulary of its own': svg('<g xmlns="http://www.w3.org/1999/xhtml"/>'),
  'a page within': svg('<foreignObject><body/></foreignObject>'),
  'a handler': svg('<path onclick="alert(1)"/>'),
  'a handler in capitals, with a line break': svg('<path\nONCLICK\n=\n"alert(1)"/>'),
  'an animation of an address': svg('<image><animate attributeName="href" values="javascript:alert(1)"/></image>'),
  'a document type': `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('&a;')}`,
  'a document type behind a comment': `<!-- a --><!DOCTYPE svg>${svg('')}`,
  'an entity that nobody made': svg('<title>&nbsp;</title>'),
  'an instruction': `<?xml-stylesheet href="https://evil.example/a.css"?>${svg('')}`,
  'another encoding': `<?xml version="1.0" encoding="UTF-7"?>${svg('')}`,
  'a picture from elsewhere': image('https://evil.example/a.png'),
  'a picture from elsewhere, by xlink': svg(
    '<image xlink:href="//evil.example/a.png"/>',
    'xmlns:xlink="http://www.w3.org/1999/xlink"',
  ),
  'an address by a prefix of its own': svg('<use x:href="data:,a"/>', 'xmlns:x="http://www.w3.org/1999/xlink"'),
  'a prefix that nobody declared': svg('<use xlink:href="#a"/>'),
  'another base': svg('<use href="#a"/>', 'xml:base="https://evil.example/"'),
  'an SVG within a picture': image(`data:image/svg+xml;base64,${Buffer.from(svg('')).toString('base64')}`),
  'a PNG that is none': image(`data:image/png;base64,${Buffer.from('<script>').toString('base64')}`),
  'a JPEG that is a PNG': image(`data:image/jpeg;base64,${png}`),
  'a filter with a picture from elsewhere': svg('<filter><feImage href="https://evil.example/"/></filter>'),
  'a style that fetches': svg('<path style="fill:url(https://evil.example/#a)"/>'),
  'a style that fetches, escaped': svg('<path style="fill:\\75 rl(//evil.example)"/>'),
  'a sheet that fetches': svg('<style>@import "https://evil.example/a.css";</style>'),
  'a sheet that fetches around a comment': svg('<style>a{fill:ur<!-- -->l(https://evil.example/)}</style>'),
  'a sheet that fetches across CDATA': svg('<style>@imp<![CDATA[ort "//evil.example"]]></style>'),
  'a sheet with an element': svg('<style>ur<g/>l(//evil.example)</style>'),
  'a sheet whose beginning is encoded': svg('<style>&#x40;import "//evil.example"</style>'),
  'no namespace': '<svg><path/></svg>',
  'no end': `<svg ${ns}><path>`,
  'ends crosswise': svg('<g><path></g></path>'),
  'two roots': `${svg('')}${svg('')}`,
  'text behind it': `${svg('')}<`,
  'an attribute twice': svg('<path d="a" d="b"/>'),
  'an attribute without quotes': svg('<path d=a />'),
  'attributes that touch': svg('<path d="a"e="b"/>'),
  'a comment that does not end': svg('<!-- a -- b -->'),
  'a bare ampersand': svg('<title>a & b</title>'),
  'a character that is none': svg('<title>&#0;</title>'),
  'a control character': svg('<title>a\u0000b</title>'),
  'what an editor adds': svg('<metadata/>'),
  HTML: '<!doctype html><svg></svg>',
  'a PNG': Buffer.from(png, 'base64').toString('latin1'),
  'too much': svg('x'.repeat(33_000)),
}

describe('a logo', () => {
  it.each(Object.entries(pictures))('may be one %s', (_, text) => {
    expect(parseLogo(text)).toBe(text.replace('\ufeff', '').trim())
  })

  it.each(Object.entries(refused))('may not have or be %s (J165)', (_, text) => {
    expect(() => parseLogo(text)).toThrow(RangeError)
  })

  it('says what to do with a PNG, and with what an editor adds', () => {
    expect(() => parseLogo(refused['a PNG'] ?? '')).toThrow('a PNG goes into one, as <image href=')
    expect(() => parseLogo(refused['what an editor adds'] ?? '')).toThrow('save it as plain SVG')
  })

  it('is read in no time, whatever it is', () => {
    const parts = [
      '<',
      '>',
      '<g ',
      'a="',
      '"',
      '<!--',
      '-',
      '--',
      '-->',
      '<![CDATA[',
      ']]>',
      '&',
      '&#',
      ';',
      ' ',
      'g',
      '</g>',
      '/',
      'url(',
      '#',
      '\n',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 12 }), fc.constantFrom(...parts), (some, often) => {
        const text = svg(`${some.join('')}${often.repeat(30_000 / often.length)}`)
        const begun = performance.now()
        try {
          parseLogo(text)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
        expect(performance.now() - begun).toBeLessThan(1_000)
      }),
      { numRuns: 300 },
    )
  })
})

const executablePath = requirePeer('chromium')

describe.skipIf(executablePath === undefined)('in Chromium, a logo', () => {
  let server: Server
  let origin: string
  let browser: Browser
  const asked: string[] = []

  beforeAll(async () => {
    const app = express()
    app.use((request, response, next) => {
      asked.push(request.url)
      const [, number = ''] = /^\/(\d+)\//.exec(request.url) ?? []
      if (request.url.endsWith('/page')) return void response.type('html').send('<img src="logo" alt="">')
      request.url = '/logo'
      const found = Object.values(pictures)[Number(number)]
      if (found === undefined) return next()
      createLogoRoute(parseLogo(found))(request, response, next)
    })
    server = createServer(app)
    origin = `http://127.0.0.1:${await listen(server)}`
    browser = await chromium.launch(chromiumOptions(executablePath))
  }, browserPatienceMs)
  afterAll(async () => {
    await browser?.close()
    await close(server)
  })

  it.each(Object.keys(pictures).map((name, place) => [name, place] as const))(
    '%s is shown, and is XML',
    async (_, place) => {
      const page = await browser.newPage()
      page.setDefaultTimeout(browserPatienceMs)
      await page.goto(`${origin}/${place}/page`)
      expect(await page.evaluate('document.images[0].decode().then(() => document.images[0].naturalWidth > 0)')).toBe(
        true,
      )
      const opened = await browser.newPage()
      await opened.goto(`${origin}/${place}/logo`)
      expect(
        await opened.evaluate('[document.documentElement.localName, document.querySelector("parsererror")]'),
      ).toEqual(['svg', null])
      await page.close()
      await opened.close()
    },
  )
})
