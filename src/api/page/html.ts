import type { Assets } from './assets.js'
import { EXAMPLES } from './examples.js'

export const START_PATH = '/graphiql/start.js'

/** The document that GraphiQL runs in. The nonce is for the style elements that its menus and dialogs add. */
export function pageHtml({ styles, scripts }: Assets, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>taogate GraphiQL</title>
<link rel="icon" href="data:,">
${styles.map(({ path }) => `<link rel="stylesheet" href="${path}">`).join('\n')}
<style nonce="${nonce}">body { margin: 0 } #graphiql { height: 100vh }</style>
</head>
<body>
<div id="graphiql"></div>
<noscript>GraphiQL needs JavaScript. Programs ask this address with POST.</noscript>
${scripts.map(({ path }) => `<script src="${path}"></script>`).join('\n')}
<script src="${START_PATH}" nonce="${nonce}"></script>
</body>
</html>
`
}

/** The page's own script: GraphiQL over this server, with a tab for each example. */
export const START_SCRIPT = `'use strict'
// The library that adds style elements takes their nonce from this name.
globalThis.__webpack_nonce__ = document.currentScript.nonce
const tabs = ${JSON.stringify(EXAMPLES.map(({ query, variables }) => ({ query, ...(variables && { variables: JSON.stringify(variables, null, 2) }) })))}
ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: '/graphql' }),
    defaultTabs: tabs,
    isHeadersEditorEnabled: false,
    defaultEditorToolsVisibility: 'variables',
  }),
)
`
