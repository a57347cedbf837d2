/* The policy of the core's tests: each basis, each anchor, each kind of source is in it once. */
#ifndef TELOS_TESTS_CORE_POLICY_H
#define TELOS_TESTS_CORE_POLICY_H

#define CORE_CONTROLLER                                                                                                \
    "controller: { name: Teszt Kft., country: HU, dpo: dpo@teszt.example, regions: [EU] }\n"                           \
    "settings: { consent_lifetime: P13M, gpc_objects_in_eu: false, objection_overriders: [privacy], quiet_zone: Europe/Budapest }\n"

#define CORE_DATA                                                                                                      \
    "categories:\n"                                                                                                    \
    "  email:     { dpv: pd:EmailAddress, identifier: true }\n"                                                        \
    "  phone:     { dpv: pd:TelephoneNumber, identifier: true }\n"                                                     \
    "  birth:     { dpv: pd:BirthDate }\n"                                                                             \
    "  purchase:  { dpv: pd:PurchasesAndSpendingHabit }\n"                                                             \
    "  behaviour: { dpv: pd:Behavioural }\n"                                                                            \
    "  device:    { dpv: pd:DeviceBased }\n"                                                                           \
    "  health:    { dpv: pd:Health, special: true }\n"                                                                 \
    "fields:\n"                                                                                                        \
    "  traits.email: email\n"                                                                                          \
    "  traits.phone: phone\n"                                                                                          \
    "  traits.birthdate: birth\n"                                                                                      \
    "  traits.allergy: health\n"                                                                                       \
    "  traits.colour: behaviour\n"                                                                                     \
    "  traits.sizes: behaviour\n"                                                                                      \
    "  traits.points: purchase\n"                                                                                      \
    "  traits.address.city: behaviour\n"                                                                               \
    "  properties.products[*]: purchase\n"                                                                             \
    "  properties.products[*].symptom: health\n"                                                                       \
    "  properties.total: purchase\n"                                                                                   \
    "  properties.page: behaviour\n"                                                                                   \
    "  properties.test: none\n"                                                                                        \
    "  context.device.*: device\n"                                                                                     \
    "notices:\n"                                                                                                       \
    "  newsletter: { version: 3, effective: 2026-09-01, renew_older_than: 3, grace: P14D, languages: { en: newsletter.md } }\n" \
    "  privacy:    { version: 2, effective: 2026-01-01, languages: { en: privacy.md } }\n"

#define CORE_PURPOSES                                                                                                  \
    "purposes:\n"                                                                                                      \
    "  newsletter:  { title: Send offers, basis: consent, notice: newsletter, categories: [email, behaviour, purchase], direct_marketing: true, gpc: true, expires: P2Y after given, retention: P2Y after last_seen }\n" \
    "  analytics:   { title: Understand visits, basis: consent, notice: privacy, categories: [behaviour, device], retention: P1Y after given }\n" \
    "  children:    { title: A club, basis: consent, notice: privacy, categories: [behaviour, birth, email], minors: guardian, age_threshold: 16, retention: P1Y after collected }\n" \
    "  care:        { title: Advise on health, basis: consent, notice: privacy, categories: [health, behaviour, purchase], special_condition: a, retention: P1Y after collected }\n" \
    "  fulfilment:  { title: Deliver, basis: contract, contract: terms of sale@4, terms_min_version: 3, opened_by: [Order Completed], ended_by: [Account Closed], categories: [email, purchase, phone], retention: P5Y after contract_end }\n" \
    "  bookkeeping: { title: Keep invoices, basis: legal_obligation, law: Act C of 2000, categories: [purchase], retention: P8Y after collected }\n" \
    "  emergency:   { title: Save a life, basis: vital_interest, why_no_other_basis: nobody can be asked, categories: [phone, health], special_condition: c, retention: P30D after collected }\n" \
    "  safety:      { title: Recall unsafe goods, basis: public_task, law: Act CLV of 1997, categories: [purchase, email], retention: P2Y after collected }\n" \
    "  fraud:       { title: Prevent fraud, basis: legitimate_interest, interest: no fraud, balancing_test: lia.pdf@2026-02-11, review: 2027-02-11, notice: privacy, categories: [device, purchase], retention: P1Y after collected }\n" \
    "  advice:      { title: Compatible advice, basis: legitimate_interest, interest: help, balancing_test: lia.pdf@2026-02-11, categories: [purchase, behaviour], compatible_with: [fulfilment, newsletter], compatible_assessment: c.pdf, retention: P1Y after collected }\n" \
    "  robot:       { title: Decide alone, basis: legitimate_interest, interest: speed, balancing_test: lia.pdf@2026-02-11, categories: [purchase], automated_decision: true, retention: P1Y after collected }\n" \
    "  later:       { title: Later, basis: public_task, law: a law, categories: [purchase], starts: 2027-01-01, ends: 2028-01-01, retention: P1Y after collected }\n" \
    "  claims:      { title: Legal claims, basis: public_task, law: a law, categories: [purchase], storage_only: true, retention: P1Y after collected }\n" \
    "  sale:        { title: Sell, basis: { default: consent, US-CA: legitimate_interest }, notice: privacy, interest: money, balancing_test: lia.pdf@2026-02-11, categories: [behaviour], gpc: true, retention: P1Y after collected }\n"

#define CORE_FLOW                                                                                                      \
    "sources:\n"                                                                                                       \
    "  web:    { kind: website, key_env: NONE_1, purposes: [newsletter, analytics, fulfilment, children, care], when_denied: hold P1D, region: EU }\n" \
    "  till:   { kind: store, key_env: NONE_2, purposes: [fulfilment, bookkeeping, fraud], when_denied: drop, trusted: true, informs: [privacy] }\n" \
    "  kiosk:  { kind: website, key_env: NONE_3, purposes: [newsletter], when_denied: anonymise }\n"                   \
    "  drop:   { kind: website, key_env: NONE_4, purposes: [newsletter, bookkeeping, analytics], when_denied: drop }\n" \
    "  california: { kind: website, key_env: NONE_5, purposes: [sale], when_denied: drop, jurisdiction: US-CA, informs: [privacy] }\n" \
    "destinations:\n"                                                                                                  \
    "  mailer:  { kind: webhook, purpose: newsletter, channel: email, categories: [email, behaviour], recipient: \"Posta Kft. (processor, HU)\", url: \"http://127.0.0.1:1/\", send: [events, profiles] }\n" \
    "  desk:    { kind: webhook, purpose: fulfilment, recipient: \"Desk Kft. (processor, HU)\", url: \"http://127.0.0.1:1/\", events: [Order Completed] }\n" \
    "  far:     { kind: webhook, purpose: fulfilment, recipient: \"Far Ltd. (processor, CN)\", url: \"http://127.0.0.1:1/\", events: [Never] }\n" \
    "signals:\n"                                                                                                       \
    "  Advertising: [newsletter]\n"                                                                                    \
    "  Analytics: [analytics]\n"                                                                                       \
    "traits:\n"                                                                                                        \
    "  points: max\n"                                                                                                  \
    "  sizes: union\n"                                                                                                 \
    "identity:\n"

#define CORE_KEYS                                                                                                      \
    "  keys:\n"                                                                                                        \
    "    email: { normalise: email, limit_per_profile: 2, category: email }\n"                                         \
    "    phone: { normalise: e164, default_region: HU, category: phone }\n"                                            \
    "    device_id: { limit_per_profile: 2 }\n"                                                                        \
    "    anonymous_id: { limit_per_profile: 3, blocked: [\"kiosk-*\"] }\n"

#define CORE_POLICY CORE_CONTROLLER CORE_DATA CORE_PURPOSES CORE_FLOW CORE_KEYS
/* Joining is processing of its own there. */
#define CORE_POLICY_IDENTITY CORE_CONTROLLER CORE_DATA CORE_PURPOSES CORE_FLOW "  purpose: newsletter\n" CORE_KEYS

/* A policy that takes every field for behaviour. */
#define CORE_POLICY_ALL_FIELDS                                                                                         \
    CORE_CONTROLLER                                                                                                    \
    "categories: { behaviour: { dpv: pd:Behavioural } }\n"                                                              \
    "fields: { default: behaviour }\n"                                                                                 \
    "notices: { newsletter: { version: 3, effective: 2026-09-01, languages: { en: newsletter.md } } }\n"               \
    "purposes: { newsletter: { title: Send offers, basis: consent, notice: newsletter, categories: [behaviour], retention: P2Y after last_seen } }\n" \
    "sources: { web: { kind: website, key_env: NONE_1, purposes: [newsletter], when_denied: drop } }\n"

#endif
