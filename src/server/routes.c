/* Every route of Telos in one table: method, path, who may, how it runs, how large a body, the handler, and what /openapi.json says of it.
 *
 * To add one: a line here, its handler, its schemas in schemas.json. The tests walk every route of /openapi.json against a running server.
 */
#include "server/server_private.h"

#define IN ROUTE_INLINE
#define POL ROUTE_POLICY
#define API LIMIT_API_BODY_BYTES
#define YAML LIMIT_POLICY_BYTES
#define COLLECT(name, limit, handler)                                                                                  \
    {"POST", name, MAY_ANYONE, ROUTE_INLINE | ROUTE_CORS | ROUTE_COLLECT, limit, handler, NULL,                        \
     "Collect messages, as the Segment HTTP Tracking API does", "writeKey source explain", "Collect", 200, "Collected"}
#define TYPED(name) COLLECT(name, LIMIT_BATCH_BYTES, collect_post)

static const struct route table[] = {
    /* collecting: the paths of Segment's, RudderStack's and Jitsu's SDKs; the key is checked by the handlers */
    TYPED("/v1/identify"), TYPED("/v1/track"), TYPED("/v1/page"), TYPED("/v1/screen"), TYPED("/v1/group"), TYPED("/v1/alias"), TYPED("/v1/batch"),
    TYPED("/v1/i"), TYPED("/v1/t"), TYPED("/v1/p"), TYPED("/v1/s"), TYPED("/v1/g"), TYPED("/v1/a"), TYPED("/v1/b"),
    TYPED("/beacon/v1/batch"), TYPED("/beacon/v1/identify"), TYPED("/beacon/v1/track"), TYPED("/beacon/v1/page"), TYPED("/beacon/v1/screen"),
    TYPED("/beacon/v1/group"), TYPED("/beacon/v1/alias"),
    TYPED("/api/s/identify"), TYPED("/api/s/track"), TYPED("/api/s/page"), TYPED("/api/s/screen"), TYPED("/api/s/group"), TYPED("/api/s/alias"),
    TYPED("/api/s/batch"), TYPED("/api/s/s2s/identify"), TYPED("/api/s/s2s/track"), TYPED("/api/s/s2s/page"), TYPED("/api/s/s2s/screen"),
    TYPED("/api/s/s2s/group"), TYPED("/api/s/s2s/alias"), TYPED("/api/s/s2s/batch"),
    COLLECT("/v1/import", LIMIT_IMPORT_BYTES, collect_import),
    {"GET", "/pixel/v1/track", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, collect_pixel, NULL, "Collect one message from an image's address", "writeKey data anonymousId userId event", NULL, 200, "image/gif"},
    {"GET", "/pixel/v1/page", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, collect_pixel, NULL, "Collect one message from an image's address", "writeKey data anonymousId userId name", NULL, 200, "image/gif"},
    {"GET", "/v1/pixel/track", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, collect_pixel, NULL, "Collect one message from an image's address", "writeKey data", NULL, 200, "image/gif"},
    {"GET", "/v1/pixel/page", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, collect_pixel, NULL, "Collect one message from an image's address", "writeKey data", NULL, 200, "image/gif"},
    {"GET", "/v1/projects/{key}/settings", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, settings_segment, "segmentSettings", "What Segment's browser SDK asks before it sends", NULL, NULL, 200, "SegmentSettings"},
    {"GET", "/sourceConfig", MAY_ANYONE, IN | ROUTE_CORS | ROUTE_COLLECT, 0, settings_rudder, "rudderSettings", "What RudderStack's browser SDK asks before it sends", "writeKey", NULL, 200, "RudderSettings"},

    /* what persons say */
    {"POST", "/v1/consents", MAY_STATE, IN | POL, API, consents_post, "stateConsent", "Record a consent, refusal, withdrawal, objection, contract, vital interest or restriction", NULL, "Statement", 201, "Stated"},
    {"GET", "/v1/consents/notices", MAY_STATE, POL, 0, notices_seen_get, "listNoticesSeen", "Which version of which text stood before the person, and where its hash stands in the ledger", "subject!", NULL, 200, "NoticesSeen"},
    {"GET", "/v1/consents", MAY_STATE, IN | POL, 0, consents_get, "listConsents", "All that was said, in order", "subject! purpose", NULL, 200, "Consents"},
    {"GET", "/v1/consents/{id}/receipt", MAY_STATE, POL, 0, consent_receipt, "consentReceipt", "The signed receipt of a record (ISO/IEC TS 27560)", NULL, NULL, 200, "application/ld+json"},
    {"POST", "/v1/consents/signals", MAY_STATE, IN | POL, API, signals_post, "stateSignal", "A consent signal of a person (TCF, GPP, GPC, Consent Mode, consent categories): which records it makes, and why", NULL, "Signal", 200, "Signalled"},
    {"GET", "/v1/consents/state", MAY_STATE, POL, 0, signals_state, "consentState", "What a site's tags may do for a person: Consent Mode, consent categories, TCF purposes and vendors", "subject!", NULL, 200, "ConsentState"},
    {"POST", "/v1/signals/decode", MAY_STATE, IN | POL, API, signals_decode, "decodeSignal", "What a consent string says, and to which purposes; nothing is recorded", NULL, "SignalText", 200, "SignalDecoded"},
    {"GET", "/v1/preferences", MAY_STATE, POL, 0, preferences_get, "getPreferences", "How a person wants to be treated", "subject!", NULL, 200, "Preferences"},
    {"PUT", "/v1/preferences", MAY_STATE, IN | POL, LIMIT_MESSAGE_BYTES, preferences_put, "putPreferences", "Replace what the person said about how to be treated", "subject!", "Preferences", 200, "Preferences"},
    {"GET", "/v1/consent-banner/{key}", MAY_ANYONE, IN | ROUTE_CORS, 0, banner_get, "consentBanner", "What the consent banner of a source asks; nothing personal", NULL, NULL, 200, "ConsentBanner"},
    {"GET", "/telos-consent.js", MAY_ANYONE, IN | ROUTE_CORS, 0, banner_js_get, "consentBannerScript", "The consent banner", NULL, NULL, 200, "text/javascript"},
    {"POST", "/v1/preferences/link", MAY_PRIVACY, POL, API, preference_link_post, "makePreferenceLink", "A signed link to the person's own page; whoever holds it is taken for the person", NULL, "PreferenceLinkRequest", 201, "PreferenceLink"},
    {"GET", "/preferences", MAY_ANYONE, ROUTE_PERSON, 0, preference_page_get, "preferencePage", "The preference centre, which a person opens from a signed link", "t! lang done", NULL, 200, "text/html"},
    {"POST", "/preferences", MAY_ANYONE, ROUTE_PERSON, LIMIT_MESSAGE_BYTES, preference_page_post, "preferenceForm", "What the forms of the preference centre say; leads back to it", NULL, "application/x-www-form-urlencoded", 303, NULL},
    {"GET", "/preferences/receipt", MAY_ANYONE, ROUTE_PERSON, 0, preference_receipt_get, "preferenceReceipt", "A receipt of what the person said", "t! id! lang", NULL, 200, "application/ld+json"},
    {"GET", "/preferences.css", MAY_ANYONE, IN, 0, preference_css_get, "preferenceStyle", "How pages for persons look", NULL, NULL, 200, "text/css"},
    {"POST", "/v1/rights", MAY_STATE, POL, API, rights_post, "exerciseRight", "Exercise a right of a person: opened to be answered, or done at once", NULL, "RightsRequest", 201, "RightsDone"},
    {"GET", "/v1/rights", MAY_PRIVACY, POL, 0, rights_get, "listRights", "Requests of a person, or of everybody, newest first; what a person has exercised", "subject state due_before limit cursor", NULL, 200, "Rights"},
    {"GET", "/v1/rights/{id}", MAY_STATE, POL, 0, right_get, "getRight", "One request: state, deadline, steps, recipients, what was asked and answered", NULL, NULL, 200, "Right"},
    {"POST", "/v1/rights/{id}/verify", MAY_PRIVACY, POL, API, right_verify, "verifyRight", "A signed link for a known identifier, by which the person confirms the request", NULL, "RightVerify", 200, "RightLink"},
    {"POST", "/v1/rights/{id}/confirm", MAY_PRIVACY, POL, API, right_confirm, "confirmRight", "The staff knows who it is", NULL, "Nothing", 200, "Right"},
    {"POST", "/v1/rights/{id}/extend", MAY_PRIVACY, POL, API, right_extend, "extendRight", "Two further months, with a reason (Art. 12(3))", NULL, "RightExtend", 200, "Right"},
    {"POST", "/v1/rights/{id}/fulfil", MAY_PRIVACY, POL, API, right_fulfil, "fulfilRight", "Do what was asked", NULL, "RightFulfil", 200, "Right"},
    {"POST", "/v1/rights/{id}/decide", MAY_PRIVACY, POL, API, right_decide, "decideObjection", "Uphold an objection, or override it by compelling grounds (Art. 21(1))", NULL, "RightDecide", 200, "Right"},
    {"POST", "/v1/rights/{id}/refuse", MAY_PRIVACY, POL, API, right_refuse, "refuseRight", "Refuse, with the law that allows it", NULL, "RightRefuse", 200, "Right"},
    {"POST", "/v1/rights/{id}/withdraw", MAY_STATE, POL, API, right_withdraw, "withdrawRight", "The person takes the request back", NULL, "Nothing", 200, "Right"},
    {"GET", "/v1/rights/{id}/export", MAY_PRIVACY, POL, 0, right_export, "exportRight", "The person's copy as a ZIP: pages, JSON, CSV, receipts and proofs", NULL, NULL, 200, "application/zip"},
    {"GET", "/v1/rights/{id}/certificate", MAY_PRIVACY, POL, 0, right_certificate, "rightCertificate", "What was done, signed, naming no person; `telos verify` checks it", NULL, NULL, 200, "RightCertificate"},
    {"GET", "/rights", MAY_ANYONE, ROUTE_PERSON, 0, rights_page_get, "rightsPage", "The page by which a person confirms a request, from a signed link", "t r! lang redirect_to request_id", NULL, 200, "text/html"},
    {"POST", "/rights", MAY_ANYONE, ROUTE_PERSON, LIMIT_MESSAGE_BYTES, rights_page_post, "rightsForm", "What the buttons of that page say", NULL, "application/x-www-form-urlencoded", 200, "text/html"},
    {"GET", "/opendsr/v2/discovery", MAY_STATE, POL, 0, opendsr_discovery, "opendsrDiscovery", "OpenDSR: what is supported", NULL, NULL, 200, "OpenDsrDiscovery"},
    {"GET", "/opendsr/v2/certificate", MAY_ANYONE, POL, 0, opendsr_certificate, "opendsrCertificate", "OpenDSR: the X.509 certificate, with its chain, that replies are signed by", NULL, NULL, 200, "application/x-pem-file"},
    {"POST", "/opendsr/v2/requests", MAY_STATE, POL, API, opendsr_post, "opendsrRequest", "OpenDSR: access, portability or erasure, from a privacy tool", NULL, "OpenDsrRequest", 201, "OpenDsrAccepted"},
    {"GET", "/opendsr/v2/requests/{id}", MAY_STATE, POL, 0, opendsr_get, "opendsrStatus", "OpenDSR: the status of a request, by its subject_request_id", NULL, NULL, 200, "OpenDsrStatus"},
    {"GET", "/opendsr/v2/status/{id}", MAY_STATE, POL, 0, opendsr_get, NULL, "OpenDSR: the status of a request", NULL, NULL, 200, "OpenDsrStatus"},
    {"DELETE", "/opendsr/v2/requests/{id}", MAY_STATE, POL, 0, opendsr_delete, "opendsrCancel", "OpenDSR: cancel a request that is pending", NULL, NULL, 202, "OpenDsrStatus"},
    {"POST", "/v1/agent/{id}", MAY_ANYONE, POL, API, drp_agent_post, "drpPair", "Data Rights Protocol: an agent pairs up, by a signed message", NULL, "text/plain", 200, "DrpAgent"},
    {"GET", "/v1/agent/{id}", MAY_ANYONE, POL, 0, drp_agent_get, "drpPaired", "Data Rights Protocol: is the pairing still good", NULL, NULL, 200, "DrpAgent"},
    {"POST", "/v1/data-rights-request", MAY_ANYONE, POL, API, drp_post, "drpRequest", "Data Rights Protocol: a request that an agent signed", NULL, "text/plain", 200, "DrpStatus"},
    {"GET", "/v1/data-rights-request/{id}", MAY_ANYONE, POL, 0, drp_get, "drpStatus", "Data Rights Protocol: its status, with the token of the pairing", NULL, NULL, 200, "DrpStatus"},
    {"DELETE", "/v1/data-rights-request/{id}", MAY_ANYONE, POL, API, drp_delete, "drpRevoke", "Data Rights Protocol: revoked by the agent, signed", NULL, "text/plain", 200, "DrpStatus"},
    {"GET", "/v1/audit/rights", MAY_EVIDENCE, POL, 0, rights_register_get, "rightsRegister", "Requests by state, deadline and step, without persons", "state due_before limit cursor", NULL, 200, "Rights"},

    /* asking and seeing, through the gate */
    {"POST", "/v1/decide", MAY_PEOPLE, IN | POL, API, decide_post, "decide", "May this be done with this person's data, and why", NULL, "Questions", 200, "Decisions"},
    {"GET", "/v1/profiles", MAY_PEOPLE, POL, 0, profiles_get, "listProfiles", "Everybody who may be processed for the purpose now, as it may see them", "purpose limit events cursor", NULL, 200, "Profiles"},
    {"GET", "/v1/profiles/{subject}", MAY_PEOPLE, IN | POL, 0, profile_get, "getProfile", "A person as one purpose may see it", "purpose events", NULL, 200, "Profile"},
    {"GET", "/v1/profiles/{subject}/timeline", MAY_PEOPLE, IN | POL, 0, timeline_get, "getTimeline", "What was collected, said, decided, sent, read and erased", "purpose limit cursor", NULL, 200, "Timeline"},
    {"GET", "/v1/profiles/{subject}/decisions", MAY_PRIVACY, POL, 0, decisions_get, "listDecisions", "What was decided about the messages of a person, as the ledger holds it; of events that are gone, too", "limit cursor", NULL, 200, "DecisionsKept"},
    {"GET", "/v1/profiles/{subject}/decisions/{id}", MAY_PRIVACY, POL, 0, decision_get, "getDecision", "The decision about one event, with the proofs that anybody can check offline", NULL, NULL, 200, "DecisionKept"},
    {"GET", "/v1/identities/{subject}", MAY_PEOPLE, POL, 0, identity_get, "getIdentity", "The profiles that make a person, and why they are one", "purpose", NULL, 200, "Identity"},
    {"GET", "/v1/identities/{subject}/merges", MAY_STATE, POL, 0, merges_get, "listMerges", "The merges of a person, undone and refused ones too", NULL, NULL, 200, "Merges"},
    {"POST", "/v1/identities/{subject}/merges", MAY_PRIVACY, IN | POL, API, merges_post, "merge", "Say that two are one person", NULL, "MergeWith", 201, "MergeDone"},
    {"POST", "/v1/identities/{subject}/merges/{id}/undo", MAY_PRIVACY, IN | POL, API, merge_undo, "undoMerge", "Undo a merge: each side has exactly its own again", NULL, NULL, 200, "MergeDone"},
    {"GET", "/v1/stream", MAY_PEOPLE, IN | POL, 0, stream_get, "stream", "Changes of persons as they commit (server-sent events)", "purpose segment last_event_id", NULL, 200, "text/event-stream"},

    /* sending */
    {"GET", "/v1/sources", MAY_EVIDENCE, POL, 0, sources_get, "listSources", "The sources and, of those that Telos reads by itself, their states", NULL, NULL, 200, "Sources"},
    {"GET", "/v1/destinations", MAY_EVIDENCE, POL, 0, destinations_get, "listDestinations", "The destinations and their states", NULL, NULL, 200, "Destinations"},
    {"GET", "/v1/destinations/{name}", MAY_EVIDENCE, POL, 0, destination_get, "getDestination", "One destination and its state", NULL, NULL, 200, "Destination"},
    {"POST", "/v1/destinations/{name}/pause", MAY_ADMIN, POL, API, destination_pause, "pauseDestination", "Send nothing until it is resumed", NULL, NULL, 200, "Paused"},
    {"POST", "/v1/destinations/{name}/resume", MAY_ADMIN, POL, API, destination_resume, "resumeDestination", "Send again", NULL, NULL, 200, "Paused"},
    {"POST", "/v1/destinations/{name}/replay", MAY_ADMIN, POL, API, destination_replay, "replayDestination", "Try all dead letters again, through the gate", NULL, "ReplayRequest", 200, "Replayed"},
    {"GET", "/v1/deliveries", MAY_EVIDENCE & ~MAY(ROLE_AUDITOR), POL, 0, deliveries_get, "listDeliveries", "Deliveries, newest first", "destination state limit cursor", NULL, 200, "Deliveries"},
    {"GET", "/v1/deliveries/{id}", MAY_EVIDENCE & ~MAY(ROLE_AUDITOR), POL, 0, delivery_get, "getDelivery", "One delivery", NULL, NULL, 200, "Delivery"},
    {"POST", "/v1/deliveries/{id}/retry", MAY_ADMIN, POL, API, delivery_retry, "retryDelivery", "Try a dead letter again, through the gate", NULL, NULL, 200, "Replayed"},

    /* the policy */
    {"GET", "/v1/policy", MAY_EVIDENCE, 0, 0, policy_get, "getPolicy", "The active policy, or the one of a day", "at", NULL, 200, "PolicyVersion"},
    {"POST", "/v1/policy", MAY_ADMIN, 0, YAML, policy_post, "applyPolicy", "Activate a policy", NULL, "PolicyProposal", 201, "PolicyApplied"},
    {"POST", "/v1/policy/check", MAY_EVIDENCE, 0, YAML, policy_check, "checkPolicy", "Is it valid? Every problem with line and column", NULL, "PolicyProposal", 200, "PolicyChecked"},
    {"POST", "/v1/policy/plan", MAY_PRIVACY, 0, YAML, policy_plan, "planPolicy", "What activating it would do to stored data", "count", "PolicyProposal", 200, "PolicyPlan"},
    {"GET", "/v1/policy/versions", MAY_EVIDENCE, 0, 0, policy_versions_get, "listPolicyVersions", "The versions there were, newest first", "limit cursor", NULL, 200, "PolicyVersions"},
    {"GET", "/v1/policy/versions/{number}", MAY_EVIDENCE, 0, 0, policy_version_get, "getPolicyVersion", "One version with its text", NULL, NULL, 200, "PolicyVersion"},
    {"GET", "/v1/notices", MAY_EVIDENCE, POL, 0, notices_get, "listNotices", "The texts that people are shown, with their hashes", NULL, NULL, 200, "Notices"},
    {"GET", "/v1/notices/{id}", MAY_EVIDENCE, POL, 0, notice_get, "getNotice", "One notice with all its versions", NULL, NULL, 200, "NoticeHistory"},
    {"GET", "/v1/notices/{id}/versions/{number}", MAY_EVIDENCE, POL, 0, notice_version_get, "getNoticeVersion", "The text of a version", "language", NULL, 200, "NoticeVersion"},
    {"GET", "/v1/notices/{id}/diff", MAY_EVIDENCE, POL, 0, notice_diff_get, "diffNotice", "What changed from one version to another, word by word", "from! to! language", NULL, 200, "NoticeDiff"},
    {"GET", "/v1/notices/{id}/reconsent", MAY_EVIDENCE, POL, 0, notice_reconsent_get, "noticeReconsent", "How a campaign for renewed consent stands: who is on which version, who can be asked, by day", "channel", NULL, 200, "Reconsent"},
    {"GET", "/v1/notices/{id}/reconsent/people", MAY_PEOPLE, POL, 0, notice_people_get, "noticeReconsentPeople", "Who is still to renew and may be written to for the purpose, through the gate", "purpose limit cursor", NULL, 200, "ReconsentPeople"},
    {"GET", "/v1/ropa", MAY_EVIDENCE, POL, 0, ropa_get, "getRopa", "Record of processing activities (GDPR Art. 30), now or of a day: JSON, CSV or a page", "format at", NULL, 200, "Ropa"},
    {"GET", "/v1/counters", MAY_EVIDENCE, 0, 0, counters_get, "listCounters", "What was taken and left out, by day, source, field and reason", "from to", NULL, 200, "Counters"},
    {"GET", "/v1/denials", MAY_EVIDENCE, 0, 0, denials_get, "listDenials", "Every no of the gate, counted by reason; no person in it", "from to by", NULL, 200, "Denials"},
    {"GET", "/v1/live", MAY_PEOPLE, IN | POL, 0, live_get, "live", "Messages as they arrive, with the gate's answer (server-sent events); no value of a person in it", "source outcome purpose", NULL, 200, "text/event-stream;message=LiveMessage dropped=LiveDropped rate=LiveRate end=LiveEnd"},
    {"GET", "/v1/stats", MAY_EVIDENCE, 0, 0, stats_get, "getStats", "Outcomes and reasons by day and source, and how much there is now", "from to step", NULL, 200, "Stats"},
    {"GET", "/v1/consents/rates", MAY_EVIDENCE, POL, 0, consent_rates_get, "consentRates", "What people said by purpose and day, by source, channel or notice; and how they stand now", "by from to", NULL, 200, "ConsentRates"},
    {"GET", "/v1/reads", MAY_PRIVACY | MAY(ROLE_AUDITOR), POL, 0, reads_get, "listReads", "Who read whose data, when and for which purpose, newest first", "subject token from to limit cursor", NULL, 200, "Reads"},

    /* evidence */
    {"GET", "/v1/evidence/checkpoint", MAY_ANYONE, 0, 0, checkpoint_get, "getCheckpoint", "The signed head of the ledger (C2SP)", NULL, NULL, 200, "text/plain"},
    {"GET", "/checkpoint", MAY_ANYONE, 0, 0, checkpoint_get, NULL, "The signed head of the ledger, where tlog-tiles looks for it", NULL, NULL, 200, "text/plain"},
    {"GET", "/v1/evidence/key", MAY_ANYONE, 0, 0, verifier_get, "getVerifierKey", "The public key of checkpoints and receipts", NULL, NULL, 200, "text/plain"},
    {"GET", "/v1/evidence/proof/inclusion", MAY_EVIDENCE, 0, 0, inclusion_get, "proveInclusion", "That a leaf is in the ledger", "index! size", NULL, 200, "InclusionProof"},
    {"GET", "/v1/evidence/proof/consistency", MAY_EVIDENCE, 0, 0, consistency_get, "proveConsistency", "That the ledger was only added to", "from! to", NULL, 200, "ConsistencyProof"},
    {"GET", "/v1/evidence/proof/{index}", MAY_EVIDENCE, 0, 0, inclusion_get, NULL, "That a leaf is in the ledger", "size", NULL, 200, "InclusionProof"},
    {"GET", "/tile/{path...}", MAY_EVIDENCE, 0, 0, tile_get, "getTile", "A tile of the ledger, or a bundle of its entries (C2SP tlog-tiles)", NULL, NULL, 200, "application/octet-stream"},

    /* users and sessions of the console */
    {"GET", "/v1/session", MAY_ANYONE, IN, 0, session_get, "getSession", "Who is signed in, and how one signs in", NULL, NULL, 200, "SessionState"},
    {"POST", "/v1/session", MAY_ANYONE, IN, LIMIT_SIGN_IN_BYTES, session_post, "signIn", "Sign in with a name and a password; sets the cookie", NULL, "SignIn", 201, "SessionState"},
    {"DELETE", "/v1/session", MAY_ANYONE, 0, LIMIT_SIGN_IN_BYTES, session_delete_own, "signOut", "Sign out", NULL, NULL, 204, NULL},
    {"GET", "/v1/session/setup", MAY_ANYONE, 0, 0, session_setup_get, "getSetup", "What a one-time link is for", "code!", NULL, 200, "SetupLink"},
    {"POST", "/v1/session/setup", MAY_ANYONE, IN, LIMIT_SIGN_IN_BYTES, session_setup_post, "setUp", "By a one-time link: make the first admin, or set one's password; signs in", NULL, "Setup", 201, "SessionState"},
    {"GET", "/v1/session/oidc", MAY_ANYONE, IN, 0, oidc_start, "startSignOn", "To the OpenID provider, and from there back to `to`", "to", NULL, 303, NULL},
    {"GET", "/v1/session/oidc/callback", MAY_ANYONE, IN, 0, oidc_callback, "endSignOn", "The way back from the OpenID provider; signs in", "code state error", NULL, 303, NULL},
    {"GET", "/v1/session/oidc/end", MAY_ANYONE, IN, 0, oidc_end, "signOutThere", "To where the OpenID provider ends its own session, and from there back", NULL, NULL, 303, NULL},
    {"PUT", "/v1/session/password", MAY_EVIDENCE, IN, LIMIT_SIGN_IN_BYTES, session_password_put, "changePassword", "Change one's own password; one's other sessions end", NULL, "PasswordChange", 204, NULL},
    {"GET", "/v1/sessions", MAY_EVIDENCE, 0, 0, sessions_get, "listSessions", "Where one is signed in; an admin sees everybody's with user=*", "user", NULL, 200, "Sessions"},
    {"DELETE", "/v1/sessions/{id}", MAY_EVIDENCE, 0, LIMIT_SIGN_IN_BYTES, session_delete_one, "endSession", "End a session: one's own, an admin anybody's", NULL, NULL, 204, NULL},
    {"GET", "/v1/users", MAY_ADMIN, 0, 0, users_get, "listUsers", "Who may sign in at the console", NULL, NULL, 200, "Users"},
    {"POST", "/v1/users", MAY_ADMIN, IN, LIMIT_SIGN_IN_BYTES, users_post, "createUser", "Make a user; without a password the reply has a one-time link", NULL, "UserRequest", 201, "UserMade"},
    {"GET", "/v1/users/{id}", MAY_ADMIN, 0, 0, user_get, "getUser", "One user", NULL, NULL, 200, "User"},
    {"PATCH", "/v1/users/{id}", MAY_ADMIN, 0, LIMIT_SIGN_IN_BYTES, user_patch, "changeUser", "Change a user; what changes rights ends the user's sessions", NULL, "UserChange", 200, "User"},
    {"DELETE", "/v1/users/{id}", MAY_ADMIN, 0, LIMIT_SIGN_IN_BYTES, user_delete, "removeUser", "Forget who a user was; what the user did stays, under the id", NULL, NULL, 204, NULL},
    {"POST", "/v1/users/{id}/link", MAY_ADMIN, 0, LIMIT_SIGN_IN_BYTES, user_link_post, "makeUserLink", "A one-time link by which the user sets a password", NULL, "Nothing", 201, "UserLink"},
    {"PUT", "/v1/users/{id}/password", MAY_ADMIN, IN, LIMIT_SIGN_IN_BYTES, user_password_put, "setUserPassword", "Set a user's password", NULL, "PasswordSet", 204, NULL},

    /* tokens and care */
    {"GET", "/v1/tokens", MAY_ADMIN, 0, 0, tokens_get, "listTokens", "All tokens, without their secret", NULL, NULL, 200, "Tokens"},
    {"POST", "/v1/tokens", MAY_ADMIN, 0, API, tokens_post, "createToken", "Make a token; it is shown once", NULL, "TokenRequest", 201, "TokenMade"},
    {"DELETE", "/v1/tokens/{id}", MAY_ADMIN, 0, 0, token_delete, "revokeToken", "Revoke a token", NULL, NULL, 204, NULL},
    {"POST", "/v1/admin/backup", MAY_ADMIN | MAY_LOCAL_ONLY, IN, API, backup_post, "backup", "A consistent copy into a directory of the machine, line by line", NULL, "DirectoryRequest", 200, "application/x-ndjson"},
    {"GET", "/v1/admin/keys", MAY_PRIVACY, 0, 0, keys_get, "keysStatus", "The vault: keys live and destroyed, rotation", NULL, NULL, 200, "Keys"},
    {"POST", "/v1/admin/keys/rotate", MAY_ADMIN | MAY_LOCAL_ONLY, IN, API, keys_rotate, "rotateKeys", "A new master key, line by line", NULL, NULL, 200, "application/x-ndjson"},
    {"POST", "/v1/admin/sweep", MAY_ADMIN, 0, API, sweep_post, "sweep", "Erase now what is due", NULL, "SweepRequest", 200, "Swept"},
    {"POST", "/v1/audit/check", MAY_PRIVACY | MAY(ROLE_AUDITOR), IN, API, audit_check, "auditCheck", "The promises P1 to P7 over the whole store, line by line", NULL, NULL, 200, "application/x-ndjson"},
    {"POST", "/v1/audit/export", MAY_ADMIN | MAY_LOCAL_ONLY, IN, API, audit_export, "auditExport", "Evidence of a period into a directory of the machine, line by line", NULL, "ExportRequest", 200, "application/x-ndjson"},
    {"GET", "/v1/audit/export", MAY_PRIVACY | MAY(ROLE_AUDITOR), 0, 0, audit_archive, "auditArchive", "Evidence of a period as a ZIP, for `telos verify`; records stay closed unless `records=opened`", "from to records", NULL, 200, "application/zip"},
    {"GET", "/v1/jobs", MAY_EVIDENCE, IN, 0, jobs_get, "listJobs", "Long pieces of work under way, and how far they are: one's own, for an admin all", NULL, NULL, 200, "Jobs"},
    {"GET", "/v1/admin/show/{what}", MAY_ADMIN, 0, 0, show_get, "show", "Inside the process: queues, batches, policies, holds, destinations, memory", NULL, NULL, 200, "Shown"},
    {"POST", "/v1/admin/debug/{what}", MAY_ADMIN | MAY_LOCAL_ONLY, ROUTE_DEBUG, API, debug_post, "debug", "The debug door: digest, rebuild, pause, fail", NULL, "DebugRequest", 200, "Shown"},

    /* for everybody */
    {"GET", "/healthz", MAY_ANYONE, IN, 0, healthz_get, "health", "Alive", NULL, NULL, 200, "Health"},
    {"GET", "/readyz", MAY_ANYONE, IN, 0, readyz_get, "ready", "Able to take data", NULL, NULL, 200, "Ready"},
    {"GET", "/metrics", MAY_ANYONE, 0, 0, metrics_get, "metrics", "Counters (OpenMetrics)", NULL, NULL, 200, "application/openmetrics-text"},
    {"GET", "/openapi.json", MAY_ANYONE, IN, 0, openapi_get, "openapi", "This description", NULL, NULL, 200, "OpenApi"},
    {"GET", "/problems/{type}", MAY_ANYONE, IN, 0, problem_get, "problem", "What a problem's type means", NULL, NULL, 200, "ProblemType"},
    {"GET", "/.well-known/gpc.json", MAY_ANYONE, IN | ROUTE_CORS, 0, gpc_get, "gpc", "Global Privacy Control is honoured here", NULL, NULL, 200, "Gpc"},
    {"GET", "/", MAY_ANYONE, IN, 0, static_get, "page", "The console, or a plain page", NULL, NULL, 200, "text/html"},
};

const struct route *routes(size_t *ret_count)
{
    *ret_count = sizeof(table) / sizeof(*table);
    return table;
}
