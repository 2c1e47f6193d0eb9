import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EXAMPLES } from '../../src/api/page/examples.js'
import { blockHash } from '../support/builders.js'
import { SMALL, type TestApi, testApi } from '../integration/api/world.js'

/** GraphiQL as a person meets it: in a browser that can reach nothing but this server. */

const CHROMIUM = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium'
const found = existsSync(CHROMIUM)
if (!found) console.warn(`SKIPPED: GraphiQL is not tried in a browser, as there is no Chromium at ${CHROMIUM}; CHROMIUM_PATH may name one`)

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

describe.skipIf(!found)('GraphiQL in a browser', () => {
  let api: TestApi
  let browser: Browser
  beforeAll(async () => {
    api = await testApi({ size: SMALL })
    browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS })
  })
  afterAll(async () => {
    await browser?.close()
    await api?.[Symbol.asyncDispose]()
  })

  /** A fresh page at /graphql, and what went wrong on it so far. */
  async function open(): Promise<{ page: Page; troubles: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
    page.setDefaultTimeout(20_000)
    const troubles: string[] = []
    page.on('request', (request) => {
      if (!/^data:/.test(request.url()) && new URL(request.url()).origin !== api.url) troubles.push(`request to ${request.url()}`)
    })
    page.on('response', (response) => {
      if (response.status() >= 400) troubles.push(`${response.status()} of ${response.url()}`)
    })
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(`console: ${message.text()}`)
    })
    page.on('pageerror', (error) => troubles.push(`exception: ${error.message}`))
    await page.goto(`${api.url}/graphql`)
    await page.locator('.graphiql-execute-button').waitFor()
    return { page, troubles }
  }

  const answer = (page: Page) => page.locator('.result-window')

  async function execute(page: Page, shows: string, press = () => page.locator('.graphiql-execute-button').click()): Promise<void> {
    // GraphiQL looks for the name of the operation a moment after the text has changed.
    await page.waitForTimeout(500)
    await press()
    await answer(page).getByText(shows).first().waitFor()
  }

  test('a query that is typed in is answered, and one that is wrong is underlined', async () => {
    const { page, troubles } = await open()
    await page.getByLabel('Add tab').click()
    const editor = page.locator('.graphiql-query-editor .CodeMirror')
    await editor.click()
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('{ block(height: 9) { height hash } }')
    await execute(page, blockHash(9), () => page.keyboard.press('Control+Enter'))
    await page.keyboard.press('Control+A')
    await page.keyboard.insertText('{ block(height: 9) { heights } }')
    await editor.locator('.CodeMirror-lint-mark-error').first().waitFor()
    expect(troubles).toEqual([])
    await page.close()
  })

  test('the examples are its tabs, each of them runs, and fields have documentation', async () => {
    const { page, troubles } = await open()
    const tabs = page.locator('.graphiql-tab-button')
    const names = EXAMPLES.map(({ query }) => /^query (\w+)/.exec(query)?.[1])
    expect(await tabs.allInnerTexts()).toEqual(names)
    for (const [index, shows] of [
      [0, `"${blockHash(65)}"`],
      [names.indexOf('Metagraph'), '"snapshotBlock"'],
      [names.indexOf('StateOfTheIndex'), '"lastProcessedHeight"'],
    ] as const) {
      await tabs.nth(index).click()
      await execute(page, shows)
      expect(await answer(page).innerText()).not.toContain('"errors"')
    }
    await page.getByLabel('Show Documentation Explorer').click()
    const docs = page.locator('.graphiql-doc-explorer')
    await docs.getByRole('link', { name: 'Query', exact: true }).click()
    await docs.getByText('null for an account that was never seen.').waitFor()
    expect(troubles).toEqual([])
    await page.close()
  })

  test('menus and dialogs, which bring styles of their own, open under the content policy', async () => {
    const { page, troubles } = await open()
    await page.getByLabel('Open settings dialog').click()
    await page.locator('.graphiql-dialog').getByText('Theme').first().waitFor()
    await page.keyboard.press('Escape')
    await page.getByLabel('Open short keys dialog').click()
    await page.locator('.graphiql-dialog').getByText('Short Keys').first().waitFor()
    expect(troubles).toEqual([])
    await page.close()
  })
})
