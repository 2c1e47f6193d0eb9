/** The page's script. It runs in the browser as it stands here: plain JavaScript, no template holes, text set and never parsed as HTML. */
export const CLIENT = String.raw`'use strict'
const $ = (id) => document.getElementById(id)
const EXAMPLES = {
  'Newest blocks': '{\n  blocks(first: 10) {\n    nodes { height hash timestamp extrinsicCount eventCount finalized }\n    pageInfo { hasNextPage endCursor }\n  }\n}',
  'One block': '{\n  block {\n    height hash timestamp\n    extrinsics(first: 20) {\n      nodes {\n        id pallet call signer success error { pallet name }\n        events(first: 20) { nodes { pallet name data } }\n        calls(first: 20) { nodes { id pallet call success } }\n      }\n    }\n  }\n}',
  'Metagraph': 'query ($netuid: Int!, $atBlock: Int) {\n  metagraph(netuid: $netuid, atBlock: $atBlock) {\n    block { height hash } snapshotBlock exact\n    neurons(orderBy: [STAKE_DESC]) {\n      uid hotkey stake rank trust incentive dividends emission validatorPermit\n      axon { ip port }\n    }\n  }\n}',
  'Account': 'query ($address: Address!) {\n  account(address: $address) {\n    address free reserved staked total\n    delegations(first: 10) { nodes { hotkey amount delegate { owner take } } }\n    transfers(first: 20) { nodes { id from to amount timestamp } }\n    neurons(first: 20) { nodes { netuid uid incentive } }\n  }\n}',
  'Largest transfers': '{\n  transfers(first: 10, orderBy: [AMOUNT_DESC]) {\n    nodes { id from to amount timestamp extrinsic { id success } }\n    totalCount totalCountIsEstimate\n  }\n}',
  'Failed extrinsics of a call': '{\n  extrinsics(first: 10, filter: { pallet: { equalTo: "SubtensorModule" }, success: { equalTo: false } }) {\n    nodes { id call signer error { name } timestamp }\n  }\n}',
  'Subnets and their parameters': '{\n  subnets {\n    nodes {\n      netuid n tempo burn emission\n      hyperparamHistory(first: 5) { nodes { name blockHeight value } }\n    }\n  }\n}',
  'State of the index': '{\n  _metadata {\n    lastProcessedHeight targetHeight finalizedHeight lag chain specVersion\n    gaps { from to } dbSize serviceLimits { maxCost maxDepth maxPageSize }\n  }\n}',
}
const VARIABLES = { Metagraph: '{ "netuid": 1 }', Account: '{ "address": "" }' }

async function ask(query, variables) {
  const started = performance.now()
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  })
  const body = await response.json()
  return { body, status: response.status, ms: Math.round(performance.now() - started) }
}

async function run() {
  const status = $('status')
  status.className = ''
  status.textContent = 'running'
  try {
    const text = $('variables').value.trim()
    const { body, status: code, ms } = await ask($('query').value, text === '' ? undefined : JSON.parse(text))
    $('response').textContent = JSON.stringify(body, null, 2)
    const cost = body.extensions && body.extensions.cost ? ', cost ' + body.extensions.cost.value + ' of ' + body.extensions.cost.limit : ''
    const block = body.extensions && body.extensions.block ? ', block ' + body.extensions.block.height : ''
    status.textContent = code + ', ' + ms + ' ms' + cost + block
    status.className = body.errors ? 'bad' : ''
  } catch (error) {
    status.textContent = String(error.message)
    status.className = 'bad'
  }
}

function showExample(name) {
  $('query').value = EXAMPLES[name]
  $('variables').value = VARIABLES[name] || ''
}

function element(tag, text, className) {
  const node = document.createElement(tag)
  if (text !== undefined) node.textContent = text
  if (className) node.className = className
  return node
}

const types = new Map()
function named(type) {
  return type.ofType ? named(type.ofType) : type
}
function typeText(type) {
  if (type.kind === 'NON_NULL') return typeText(type.ofType) + '!'
  if (type.kind === 'LIST') return '[' + typeText(type.ofType) + ']'
  return type.name
}
function typeLink(type) {
  const link = element('a', typeText(type))
  link.tabIndex = 0
  link.onclick = () => showType(named(type).name)
  link.onkeydown = (event) => { if (event.key === 'Enter') link.onclick() }
  return link
}

function showField(field, owner) {
  const row = element('div', undefined, 'field')
  row.append(element('span', (owner ? owner + '.' : '') + field.name))
  if (field.args && field.args.length > 0) {
    row.append('(')
    field.args.forEach((arg, index) => row.append(index > 0 ? ', ' : '', arg.name + ': ', typeLink(arg.type)))
    row.append(')')
  }
  if (field.type) row.append(': ', typeLink(field.type))
  if (field.description) row.append(element('p', field.description))
  return row
}

function showType(name) {
  const type = types.get(name)
  const docs = $('docs')
  docs.replaceChildren()
  $('trail').replaceChildren()
  const home = element('a', 'Query')
  home.onclick = () => showType('Query')
  $('trail').append(home, name === 'Query' ? '' : ' / ' + name)
  if (type.description) docs.append(element('p', type.description))
  for (const field of type.fields || type.inputFields || []) docs.append(showField(field))
  for (const value of type.enumValues || []) docs.append(showField(value))
  for (const possible of type.possibleTypes || []) docs.append(showField({ name: 'is', type: possible }))
}

function find(text) {
  const word = text.trim().toLowerCase()
  if (word === '') return showType('Query')
  const docs = $('docs')
  docs.replaceChildren()
  let left = 60
  for (const type of types.values()) {
    if (type.name.toLowerCase().includes(word) && left-- > 0) docs.append(showField({ name: type.kind.toLowerCase(), type }))
    for (const field of type.fields || [])
      if (field.name.toLowerCase().includes(word) && left-- > 0) docs.append(showField(field, type.name))
  }
}

const TYPE = 'kind name ofType { kind name ofType { kind name ofType { kind name } } }'
const INTROSPECTION = '{ __schema { types { kind name description fields { name description args { name type { ' + TYPE + ' } } type { ' + TYPE +
  ' } } inputFields { name description type { ' + TYPE + ' } } enumValues { name description } possibleTypes { kind name } } } }'

async function loadSchema() {
  const { body } = await ask(INTROSPECTION)
  for (const type of body.data.__schema.types) if (!type.name.startsWith('__')) types.set(type.name, type)
  showType('Query')
}

for (const name of Object.keys(EXAMPLES)) $('examples').append(element('option', name))
$('examples').onchange = (event) => showExample(event.target.value)
$('run').onclick = run
$('find').oninput = (event) => find(event.target.value)
for (const id of ['query', 'variables'])
  $(id).addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run()
  })
showExample(Object.keys(EXAMPLES)[0])
loadSchema().catch((error) => { $('docs').textContent = 'The schema could not be read: ' + error.message })
run()
`
