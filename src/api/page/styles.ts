export const STYLES = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); --soft: color-mix(in srgb, currentColor 60%, transparent) }
* { box-sizing: border-box }
body { margin: 0; height: 100vh; display: flex; flex-direction: column; font: 14px/1.4 system-ui, sans-serif }
header { display: flex; gap: 1rem; align-items: center; flex-wrap: wrap; padding: .5rem 1rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 1rem; margin: 0 }
output { color: var(--soft); margin-left: auto }
output.bad { color: #c0392b }
main { flex: 1; min-height: 0; display: grid; grid-template-columns: 1fr 1fr 22rem }
section, aside { display: flex; flex-direction: column; min-width: 0; min-height: 0; padding: .5rem; border-right: 1px solid var(--line) }
section label, aside label { color: var(--soft); font-size: .8rem; padding: .2rem 0 }
textarea, pre, #docs { font: 13px/1.5 ui-monospace, monospace }
textarea { resize: none; border: 1px solid var(--line); padding: .5rem; background: transparent; color: inherit; tab-size: 2 }
#query { flex: 4 }
#variables { flex: 1 }
pre { flex: 1; margin: 0; overflow: auto; padding: .5rem; border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere }
#find { width: 100%; padding: .3rem }
#docs { flex: 1; overflow: auto; padding-top: .5rem }
#docs p { margin: 0 0 .5rem; color: var(--soft); font-family: system-ui, sans-serif }
#docs .field { padding: .15rem 0; border-top: 1px solid var(--line) }
#docs a, #trail a { color: #2f7de1; cursor: pointer; text-decoration: none }
#docs a:focus, #docs a:hover, #trail a:hover { text-decoration: underline }
@media (max-width: 70rem) { main { grid-template-columns: 1fr 1fr } aside { display: none } }
@media (max-width: 45rem) { main { grid-template-columns: 1fr; grid-template-rows: 1fr 1fr } }
`
