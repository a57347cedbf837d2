// The server-side SDKs, unchanged.
import assert from 'node:assert/strict'
import {createRequire} from 'node:module'
import {writeKey, eventsNamed} from './telos.mjs'
import {Analytics} from '@segment/analytics-node'
const require = createRequire(import.meta.url)
const rudder = require('@rudderstack/rudder-sdk-node')
const Rudder = rudder.default ?? rudder

async function segment_node_identifies_and_tracks(telos) {
  const analytics = new Analytics({writeKey, host: telos.url, path: '/v1/batch', flushAt: 5, flushInterval: 200})
  const errors = []
  analytics.on('error', error => errors.push(error))
  analytics.identify({userId: 'node-1', traits: {email: 'Node.One@Example.com', plan: 'gold'}})
  analytics.track({userId: 'node-1', event: 'Plan Chosen', properties: {plan: 'gold', seats: 3}})
  analytics.page({userId: 'node-1', name: 'Home', properties: {path: '/'}})
  analytics.screen({userId: 'node-1', name: 'Start'})
  analytics.group({userId: 'node-1', groupId: 'group-1', traits: {size: 12}})
  await analytics.closeAndFlush({timeout: 5000})
  assert.deepEqual(errors, [])
  const profile = await telos.profileWith('user_id:node-1', 'service', p => p.events.length >= 5 && p.traits.email, 'five events')
  assert.equal(profile.traits.email, 'Node.One@Example.com')
  assert.equal(profile.traits.plan, 'gold')
  assert.equal(eventsNamed(profile, 'Plan Chosen').length, 1)
  const byEmail = await telos.profile('email:node.one@example.com', 'service')
  assert.equal(byEmail.id, profile.id)
}

async function segment_node_aliases_one_person_to_another_id(telos) {
  const analytics = new Analytics({writeKey, host: telos.url, flushAt: 1})
  analytics.track({anonymousId: 'alias-a', event: 'Before'})
  analytics.alias({userId: 'alias-u', previousId: 'alias-a'})
  analytics.track({userId: 'alias-u', event: 'After'})
  await analytics.closeAndFlush({timeout: 5000})
  const profile = await telos.profileWith('user_id:alias-u', 'service', p => eventsNamed(p, 'After').length && eventsNamed(p, 'Before').length, 'both events in one profile')
  assert.ok(profile.identifiers.some(i => i.type === 'anonymous_id' && i.value === 'alias-a'))
}

async function segment_node_sends_two_thousand_events_and_each_counts_once(telos) {
  const analytics = new Analytics({writeKey, host: telos.url, flushAt: 100, maxEventsInBatch: 100})
  for (let i = 0; i < 2000; i++) analytics.track({userId: `many-${i % 20}`, event: 'Counted', properties: {i}})
  await analytics.closeAndFlush({timeout: 20000})
  const timeline = new Set()
  for (let person = 0; person < 20; person++) {
    let address = `${telos.url}/v1/profiles/user_id:many-${person}/timeline?limit=1000`
    while (address) {
      const reply = await fetch(address, {headers: {Authorization: `Bearer ${telos.token}`, Purpose: 'service'}})
      assert.equal(reply.status, 200)
      const page = await reply.json()
      for (const item of page.items) {
        if (item.what !== 'collected') continue
        const {i} = item.detail.properties
        assert.ok(!timeline.has(i), `event ${i} is there twice`)
        timeline.add(i)
      }
      address = page.next ? `${telos.url}/v1/profiles/user_id:many-${person}/timeline?limit=1000&cursor=${encodeURIComponent(page.next)}` : null
    }
  }
  assert.equal(timeline.size, 2000)
}

async function segment_node_consent_object_opens_and_closes_a_purpose(telos) {
  const analytics = new Analytics({writeKey, host: telos.url, flushAt: 1})
  const consent = allowed => ({consent: {categoryPreferences: {Offers: allowed}}})
  analytics.identify({userId: 'consent-1', traits: {email: 'consent1@example.com'}, context: consent(true)})
  await analytics.flush()
  await telos.profileWith('user_id:consent-1', 'offers', p => p.traits.email === 'consent1@example.com', 'the profile under the consent')
  analytics.track({userId: 'consent-1', event: 'Segment Consent Preference Updated', context: consent(false)})
  await analytics.closeAndFlush({timeout: 5000})
  await telos.profileWith('user_id:consent-1', 'offers', p => p.status === 403, '403 after the withdrawal')
}

async function rudder_node_sends_gzip_and_traits_in_context(telos) {
  const client = new Rudder(writeKey, {dataPlaneUrl: telos.url, flushAt: 4, flushInterval: 200, gzip: true})
  client.identify({userId: 'rudder-1', traits: {email: 'rudder@example.com', city: 'Győr'}})
  client.track({userId: 'rudder-1', event: 'Rudder Turned', properties: {degrees: 12.5, big: 9007199254740993n.toString()}})
  client.page({userId: 'rudder-1', name: 'Deck'})
  client.group({userId: 'rudder-1', groupId: 'crew', traits: {size: 4}})
  await new Promise((resolve, reject) => client.flush(error => error ? reject(error) : resolve()))
  const profile = await telos.profileWith('user_id:rudder-1', 'service', p => p.events.length >= 4 && p.traits.email, 'four events')
  assert.equal(profile.traits.email, 'rudder@example.com')
  assert.equal(profile.traits.city, 'Győr')
  assert.equal(eventsNamed(profile, 'Rudder Turned').length, 1)
}

async function rudder_node_consent_management_denies(telos) {
  const client = new Rudder(writeKey, {dataPlaneUrl: telos.url, flushAt: 1, flushInterval: 100})
  const context = (allowed, denied) => ({consentManagement: {allowedConsentIds: allowed, deniedConsentIds: denied, provider: 'custom', resolutionStrategy: 'and'}})
  client.identify({userId: 'rudder-2', traits: {email: 'rudder2@example.com'}, context: context(['Offers'], [])})
  await new Promise(resolve => client.flush(resolve))
  await telos.profileWith('user_id:rudder-2', 'offers', p => p.traits.email === 'rudder2@example.com', 'the profile under the consent')
  client.track({userId: 'rudder-2', event: 'Changed', context: context([], ['Offers'])})
  await new Promise(resolve => client.flush(resolve))
  await telos.profileWith('user_id:rudder-2', 'offers', p => p.status === 403, '403 after the denial')
}

async function an_unknown_write_key_is_told_to_the_sdk(telos) {
  const analytics = new Analytics({writeKey: 'wrong', host: telos.url, flushAt: 1, maxRetries: 0})
  const errors = []
  analytics.on('error', error => errors.push(error))
  analytics.track({userId: 'nobody-1', event: 'Lost'})
  await analytics.closeAndFlush({timeout: 5000})
  assert.equal(errors.length, 1)
  assert.equal((await telos.profile('user_id:nobody-1', 'service')).status, 404)
}

export const nodeCases = [
  segment_node_identifies_and_tracks,
  segment_node_aliases_one_person_to_another_id,
  segment_node_sends_two_thousand_events_and_each_counts_once,
  segment_node_consent_object_opens_and_closes_a_purpose,
  rudder_node_sends_gzip_and_traits_in_context,
  rudder_node_consent_management_denies,
  an_unknown_write_key_is_told_to_the_sdk,
]
