/* The consent banner of Telos:
 *   <script src="https://telos.example/telos-consent.js" data-key="WRITE KEY" defer></script>
 * Yes and no weigh the same. Until somebody chooses, nothing is granted; who chose can choose again at any time. docs/preferences.md explains it. */
(() => {
  'use strict'
  const w = window, d = document, script = d.currentScript, data = script ? script.dataset : {}
  if (w.telosConsent) return
  const base = data.host || new URL(script.src).origin, key = data.key, NAME = 'telos_consent'
  const TEXTS = {
    en: {title: 'Your choice', about: '{0} would like to use data about your visit for what is listed here. It is up to you; the site works either way.',
      yes: 'Accept all', no: 'Refuse all', choose: 'Choose one by one', save: 'Save my choice', back: 'Back', agree: 'Yes', refuse: 'No',
      gpc: 'Your browser asks sites not to sell or share your data. We heed that: “Accept all” leaves this out.', again: 'The text has changed since you chose, so we ask again.',
      more: 'Read the text (version {0})', open: 'Privacy choices', close: 'Close without choosing', failed: 'Your choice is kept here and will be sent as soon as possible.'},
    hu: {title: 'Az Ön döntése', about: 'A látogatásának adatait {0} az itt felsoroltakra szeretné használni. Ön dönt; az oldal mindenképpen működik.',
      yes: 'Mindet elfogadom', no: 'Mindet elutasítom', choose: 'Egyenként választok', save: 'Döntésem mentése', back: 'Vissza', agree: 'Igen', refuse: 'Nem',
      gpc: 'Böngészője azt kéri, hogy ne adják el és ne osszák meg az adatait. Ezt tiszteletben tartjuk: a „Mindet elfogadom” erre nem vonatkozik.',
      again: 'A szöveg megváltozott, mióta döntött, ezért újra kérdezzük.', more: 'A szöveg elolvasása ({0}. változat)', open: 'Adatvédelmi döntések',
      close: 'Bezárás döntés nélkül', failed: 'Döntését itt megőriztük, és amint lehet, elküldjük.'},
  }
  const STYLE = `:host{all:initial;--i:#1d2430;--p:#fff;--a:#1b5e50;--l:#ddd8cd;--s:#55606f;--f:#0b57d0}
@media(prefers-color-scheme:dark){:host{--i:#e9e6df;--p:#1d2229;--a:#8fd3bf;--l:#3a414b;--s:#b0b5bd;--f:#9cc2ff}}
*{box-sizing:border-box;font-family:system-ui,-apple-system,"Segoe UI","Noto Sans",sans-serif}
.d{position:fixed;z-index:2147483646;left:50%;bottom:1rem;transform:translateX(-50%);width:min(42rem,calc(100vw - 2rem));max-height:calc(100vh - 2rem);overflow:auto;background:var(--p);color:var(--i);border:1px solid var(--l);border-radius:1rem;box-shadow:0 .8rem 3rem #0005;padding:1.2rem 1.3rem;font-size:16px;line-height:1.5}
h2{margin:0 2.5rem .3rem 0;font-size:1.25rem}p{margin:0 0 .7rem}ul{margin:0 0 .8rem;padding-left:1.2rem}li{margin:.15rem 0}
.b{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(11rem,100%),1fr));gap:.6rem;margin-top:.9rem}
button{font:inherit;font-weight:600;min-height:2.9rem;padding:.4rem 1rem;border:2px solid var(--a);border-radius:.7rem;background:var(--p);color:var(--a);cursor:pointer}
button:hover{text-decoration:underline}:focus-visible{outline:3px solid var(--f);outline-offset:2px}
.x{position:absolute;top:.7rem;right:.7rem;min-height:0;width:2.4rem;height:2.4rem;padding:0;border-color:transparent;font-size:1.2rem}
.o{position:fixed;z-index:2147483645;left:1rem;bottom:1rem;min-height:2.5rem;font-size:14px;box-shadow:0 .2rem .8rem #0003}
fieldset{border:0;border-top:1px solid var(--l);margin:0;padding:.8rem 0}legend{float:left;width:100%;font-weight:650;padding:0}legend+*{clear:both}
.r{display:flex;gap:1.4rem}.r label{display:flex;gap:.5rem;align-items:center;min-height:2.4rem;cursor:pointer}input{width:1.3rem;height:1.3rem;accent-color:var(--a)}
details{margin:.2rem 0}summary{cursor:pointer;color:var(--a)}.t{white-space:pre-wrap;border-left:3px solid var(--a);padding-left:.8rem;margin:.4rem 0}.n{color:var(--s)}@media print{.d,.o{display:none}}`
  const language = (data.language || d.documentElement.lang || navigator.language || 'en').slice(0, 2).toLowerCase()
  const T = TEXTS[language] || TEXTS.en, fill = (text, value) => text.replace('{0}', value)
  const local = texts => texts[language] || texts.en || Object.values(texts)[0] || ''
  const gpc = !!navigator.globalPrivacyControl
  let config, dialog, returnTo, kept = read(), listeners = []

  function read() { try { return JSON.parse(localStorage.getItem(NAME)) || {} } catch { return {} } }
  function write(value) { kept = value; try { localStorage.setItem(NAME, JSON.stringify(value)) } catch { /* then it holds for this page */ } }
  function uuid() { return crypto.randomUUID ? crypto.randomUUID() : '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, c => (c ^ crypto.getRandomValues(new Uint8Array(1))[0] & 15 >> c / 4).toString(16)) }

  /* The id that the site's SDK has given this browser; where there is none, one is made when a choice is to be recorded. */
  function anonymousId() {
    const rudder = w.rudderanalytics, user = w.analytics && typeof w.analytics.user === 'function' && w.analytics.user()
    let id = user && typeof user.anonymousId === 'function' && user.anonymousId()
    try { id = id || JSON.parse(localStorage.getItem('ajs_anonymous_id')) } catch { /* not Segment's */ }
    if (!id && rudder && typeof rudder.getAnonymousId === 'function') id = rudder.getAnonymousId()
    return id || kept.id || uuid()
  }

  /* ---- Google Consent Mode ---- */
  const MODES = ['ad_storage', 'ad_user_data', 'ad_personalization', 'analytics_storage', 'functionality_storage', 'personalization_storage']
  function gtag() { (w.dataLayer = w.dataLayer || []).push(arguments) }
  const modes = granted => Object.fromEntries(MODES.map(mode => [mode, granted.includes(mode) ? 'granted' : 'denied']))
  gtag('consent', 'default', {...modes(kept.modes || []), wait_for_update: 500})

  /* ---- SDK events are stamped with what was chosen ---- */
  function stamp(context) { if (kept.choice) context.consent = {...context.consent, categoryPreferences: {...kept.choice}}; return context }
  function middleware({payload, next}) { const message = payload.obj || payload; message.context = stamp(message.context || {}); next(payload) }
  function ids(value) { return Object.keys(kept.choice || {}).filter(id => kept.choice[id] === value) }
  function rudder() { return {consentManagement: {enabled: true, provider: 'custom', allowedConsentIds: ids(true), deniedConsentIds: ids(false)}} }
  function hook() {
    const a = w.analytics, r = w.rudderanalytics
    if (a && !a.telosHooked && typeof a.addSourceMiddleware === 'function') { a.telosHooked = true; a.addSourceMiddleware(middleware) }
    if (kept.choice && r && typeof r.consent === 'function') r.consent(rudder())
  }

  /* ---- keeping and sending ---- */
  const storedFor = () => config.categories.every(c => c.id in (kept.choice || {}) && c.purposes.every(p => !p.notice || (kept.versions || {})[p.notice.id] >= p.notice.needs))
  async function send() {
    if (!kept.pending) return true
    const reply = await fetch(base + '/v1/track', {method: 'POST', keepalive: true, headers: {'Content-Type': 'text/plain'}, body: JSON.stringify(kept.pending)}).catch(() => null)
    if (!reply || !(reply.ok || reply.status === 400)) return false
    write({...kept, pending: undefined})
    return true
  }
  function record(choice) {
    const versions = {}, id = anonymousId(), user = w.analytics && typeof w.analytics.user === 'function' && w.analytics.user()
    for (const category of config.categories) for (const p of category.purposes) if (p.notice) versions[p.notice.id] = p.notice.version
    const granted = [...new Set(config.categories.filter(c => choice[c.id]).flatMap(c => c.consent_mode))]
    const message = {writeKey: key, type: 'track', event: 'Segment Consent Preference Updated', messageId: 'telos-' + uuid(), anonymousId: id, timestamp: new Date().toISOString(),
      properties: {notices: versions, language}, context: {consent: {categoryPreferences: choice}, library: {name: 'telos-consent', version: '1'}}}
    const userId = user && typeof user.id === 'function' && user.id()
    if (userId) message.userId = userId
    write({id, choice, versions, modes: granted, at: message.timestamp, pending: message})
    gtag('consent', 'update', modes(granted))
    hook()
    for (const listener of listeners) listener({...choice})
    return send()
  }

  /* ---- what is seen ---- */
  function el(name, attributes, ...children) {
    const node = d.createElement(name)
    for (const [k, v] of Object.entries(attributes || {})) if (k.startsWith('on')) node.addEventListener(k.slice(2), v); else if (v === true) node.setAttribute(k, ''); else if (v !== false && v != null) node.setAttribute(k, v)
    node.append(...children.filter(child => child || child === 0)) /* nothing, and what does not apply */
    return node
  }
  const host = el('div', {id: 'telos-consent', lang: TEXTS[language] ? language : 'en'}), root = host.attachShadow({mode: 'open'})
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(STYLE)
  root.adoptedStyleSheets = [sheet]
  const button = (text, run) => el('button', {type: 'button', onclick: run}, text)
  const objects = category => gpc && category.purposes.some(p => p.gpc)

  function close() {
    if (dialog) dialog.remove()
    dialog = null
    if (!root.querySelector('.o')) root.append(el('button', {type: 'button', class: 'o', 'aria-haspopup': 'dialog', onclick: () => open()}, T.open))
    if (returnTo && returnTo.focus) returnTo.focus()
    returnTo = null
  }
  function keys(event) {
    if (event.key === 'Escape') { event.preventDefault(); close(); return }
    if (event.key !== 'Tab') return
    const stops = [...dialog.querySelectorAll('button,summary,input')].filter(node => node.type !== 'radio' || node.checked || !dialog.querySelector(`input[name="${node.name}"]:checked`))
    const at = stops.indexOf(root.activeElement), last = stops.length - 1
    if (event.shiftKey ? at <= 0 : at === last) { event.preventDefault(); stops[event.shiftKey ? last : 0].focus() }
  }
  function show(heading, ...content) {
    if (dialog) dialog.remove()
    const close_ = el('button', {type: 'button', class: 'x', 'aria-label': T.close, onclick: close}, '✕')
    dialog = el('div', {class: 'd', role: 'dialog', 'aria-modal': 'true', 'aria-labelledby': 'h', onkeydown: keys}, el('h2', {id: 'h', tabindex: '-1'}, heading), ...content.flat().filter(Boolean), close_)
    const opener = root.querySelector('.o')
    if (opener) opener.remove()
    root.append(dialog)
    dialog.querySelector('h2').focus()
  }
  async function decide(choice) {
    const sent = record(choice)
    close()
    if (!await sent) console.warn(T.failed)
  }
  const all = value => decide(Object.fromEntries(config.categories.map(c => [c.id, value && !objects(c)])))
  function notices(category) {
    const seen = {}
    return category.purposes.filter(p => p.notice && !seen[p.notice.id] && (seen[p.notice.id] = true)).map(p =>
      el('details', null, el('summary', null, fill(T.more, p.notice.version)), el('div', {class: 't'}, local(config.notices[p.notice.id]).replace(/^#+ */gm, ''))))
  }
  function first() {
    const asked = kept.choice && !storedFor()
    show(T.title, el('p', null, fill(T.about, config.controller)), asked && el('p', null, T.again), el('ul', null, ...config.categories.flatMap(c => c.purposes.map(p => el('li', null, local(p.title))))),
      gpc && config.categories.some(objects) && el('p', {class: 'n'}, T.gpc), el('div', {class: 'b'}, button(T.yes, () => all(true)), button(T.no, () => all(false)), button(T.choose, each)))
  }
  function each() {
    const choice = {...kept.choice}
    show(T.choose, config.categories.map((category, i) => el('fieldset', null, el('legend', null, category.purposes.map(p => local(p.title)).join('; ')), el('p', {class: 'n'}, category.purposes.map(p => local(p.description)).filter(Boolean).join(' ')),
      objects(category) && el('p', {class: 'n'}, T.gpc), ...notices(category),
      el('div', {class: 'r'}, ...[true, false].map(value => el('label', null, el('input', {type: 'radio', name: 'c' + i, checked: choice[category.id] === value, onchange: () => { choice[category.id] = value }}), value ? T.agree : T.refuse))))),
      el('div', {class: 'b'}, button(T.save, () => decide(Object.fromEntries(config.categories.map(c => [c.id, choice[c.id] === true])))), button(T.back, first)))
  }
  function open(detail) {
    returnTo = d.activeElement === host ? null : d.activeElement
    if (config && config.categories.length) kept.choice || detail ? each() : first()
  }

  w.telosConsent = {open: () => open(true), get: () => ({...kept.choice}), middleware, rudder, stamp, acceptAll: () => all(true), refuseAll: () => all(false),
    onChange: listener => { listeners.push(listener); if (kept.choice) listener({...kept.choice}) }, ready: start()}
  async function start() {
    const reply = await fetch(`${base}/v1/consent-banner/${encodeURIComponent(key)}`).catch(() => null)
    if (!reply || !reply.ok) { console.warn('telos-consent: no configuration for this key'); return }
    config = await reply.json()
    if (!d.body) await new Promise(go => d.addEventListener('DOMContentLoaded', go))
    d.body.append(host)
    d.addEventListener('click', event => { const link = event.target.closest && event.target.closest('[data-telos-consent]'); if (link) { event.preventDefault(); open(true) } })
    hook()
    void send()
    if (config.categories.length && !storedFor()) first()
    else close()
  }
})()
