import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renderPages } from './docs.js'
import { createProgram } from './program.js'

const pages = Object.entries(renderPages(createProgram()))

test.each(pages)('%s is what the code says; `npm run docs` renews it', (path, text) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text)
})
