export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>taogate GraphQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/graphql/page.css">
</head>
<body>
<header>
<h1>taogate GraphQL</h1>
<label>Example <select id="examples"></select></label>
<button id="run" title="Ctrl+Enter">Run</button>
<output id="status"></output>
</header>
<main>
<section class="ask">
<label for="query">Query</label>
<textarea id="query" spellcheck="false" autocapitalize="off" autocomplete="off"></textarea>
<label for="variables">Variables (JSON)</label>
<textarea id="variables" spellcheck="false" autocapitalize="off" autocomplete="off"></textarea>
</section>
<section class="answer">
<label for="response">Answer</label>
<pre id="response" tabindex="0"></pre>
</section>
<aside class="docs">
<label for="find">Schema</label>
<input id="find" type="search" placeholder="Find a type or field">
<nav id="trail"></nav>
<div id="docs"></div>
</aside>
</main>
<script src="/graphql/page.js"></script>
</body>
</html>
`
