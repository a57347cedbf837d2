/* The family of policies: all six bases, special categories, each anchor, each way of being denied. A member is made from random numbers, as
 * values for the oracle; spec_file.c writes it as the file that Telos loads. */
#include "sim.h"

const char *const spec_purpose_names[PURPOSES] = {
#define X(code, name) name,
    SPEC_PURPOSES(X)
#undef X
};
const char *const spec_source_names[SOURCES] = {"web", "till", "kiosk", "app", "california"};
const char *const spec_destination_names[DESTINATIONS] = {"mailer", "desk", "far", "texter", "tipper"};
const char *const spec_notice_names[NOTICES] = {"newsletter", "privacy"};
const char *const spec_key_names[KEYS] = {"user_id", "email", "phone", "device_id", "anonymous_id"};
const char *const spec_signal_names[SIGNALS] = {"Advertising", "Analytics", "Functional"};
const char *const spec_category_names[CATEGORIES] = {"email", "phone", "birth", "purchase", "behaviour", "device", "health"};

static const enum basis usual_basis[PURPOSES] = {
    [P_NEWSLETTER] = BASIS_CONSENT, [P_ANALYTICS] = BASIS_CONSENT, [P_KIDS] = BASIS_CONSENT, [P_CARE] = BASIS_CONSENT,
    [P_ORDERS] = BASIS_CONTRACT, [P_BOOKS] = BASIS_LEGAL_OBLIGATION, [P_RESCUE] = BASIS_VITAL_INTEREST, [P_SAFETY] = BASIS_PUBLIC_TASK,
    [P_FRAUD] = BASIS_LEGITIMATE_INTEREST, [P_TIPS] = BASIS_LEGITIMATE_INTEREST, [P_LETTERS] = BASIS_LEGITIMATE_INTEREST,
    [P_VAULT] = BASIS_PUBLIC_TASK, [P_DEALS] = BASIS_CONSENT, [P_MATCHING] = BASIS_LEGITIMATE_INTEREST, [P_JUDGE] = BASIS_CONSENT};

#define BIT(n) (1u << (n))

static int64_t days(struct random *random, unsigned least, unsigned most) { return (int64_t)(least + below(random, most - least + 1)) * DAY_MS; }

static enum anchor anchor_pick(struct random *random, enum basis basis)
{
    static const enum anchor consent[] = {ANCHOR_COLLECTED, ANCHOR_LAST_SEEN, ANCHOR_GIVEN, ANCHOR_NONE},
                             contract[] = {ANCHOR_CONTRACT_END, ANCHOR_CONTRACT_END, ANCHOR_COLLECTED, ANCHOR_LAST_SEEN, ANCHOR_NONE},
                             other[] = {ANCHOR_COLLECTED, ANCHOR_COLLECTED, ANCHOR_LAST_SEEN, ANCHOR_NONE, ANCHOR_CONTRACT_END};
    switch (basis) {
    case BASIS_CONSENT: return consent[below(random, COUNT_OF(consent))];
    case BASIS_CONTRACT: return contract[below(random, COUNT_OF(contract))];
    case BASIS_LEGAL_OBLIGATION: return chance(random, 80) ? ANCHOR_COLLECTED : ANCHOR_LAST_SEEN;
    default: return other[below(random, COUNT_OF(other))];
    }
}

static unsigned categories_pick(struct random *random, unsigned purpose)
{
    unsigned set = BIT(below(random, CAT_HEALTH));
    for (unsigned i = 0; i < CAT_HEALTH; i++)
        set |= chance(random, 45) ? BIT(i) : 0;
    if (purpose == P_CARE || purpose == P_RESCUE || chance(random, 8))
        set |= BIT(CAT_HEALTH);
    if (purpose == P_NEWSLETTER)
        set |= BIT(CAT_EMAIL) | BIT(CAT_BEHAVIOUR);
    return set;
}

static void purpose_bases(struct random *random, const struct spec *spec, unsigned i, struct spec_purpose *purpose)
{
    purpose->basis = purpose->basis_us = usual_basis[i];
    if (i == P_DEALS)
        purpose->basis_us = BASIS_LEGITIMATE_INTEREST;
    if (i == P_JUDGE && chance(random, 40))
        purpose->basis = purpose->basis_us = BASIS_LEGITIMATE_INTEREST;
    purpose->notice = -1;
    if (purpose->basis == BASIS_CONSENT)
        purpose->notice = i == P_NEWSLETTER ? NOTICE_NEWS : NOTICE_PRIVACY;
    else if (purpose->basis == BASIS_LEGITIMATE_INTEREST && chance(random, 40))
        purpose->notice = NOTICE_PRIVACY;
    if (purpose->notice >= 0 && chance(random, 25))
        purpose->notice_min = 1 + below(random, spec->notices[purpose->notice].version);
    if (purpose->basis == BASIS_CONTRACT) {
        purpose->terms = 1 + below(random, 4);
        purpose->terms_min = below(random, purpose->terms + 1);
    }
}

static void purpose_make(struct random *random, int64_t now_ms, struct spec *spec, unsigned i)
{
    struct spec_purpose *purpose = &spec->purposes[i];
    purpose->present = i == P_NEWSLETTER || i == P_ORDERS || chance(random, 70);
    purpose_bases(random, spec, i, purpose);
    purpose->categories = categories_pick(random, i);
    purpose->direct_marketing = i == P_LETTERS || (i == P_NEWSLETTER && chance(random, 70));
    purpose->gpc = i == P_DEALS || ((i == P_NEWSLETTER || i == P_ANALYTICS || i == P_FRAUD) && chance(random, 40));
    purpose->storage_only = i == P_VAULT;
    purpose->guardian = i == P_KIDS;
    purpose->age_threshold = i == P_KIDS ? 13 + below(random, 5) : chance(random, 10) ? 10 + below(random, 10) : 0;
    purpose->special = i == P_CARE ? 'a' : i == P_RESCUE ? 'c' : 0;
    purpose->explicit_consent = purpose->special == 'a' || (purpose->basis == BASIS_CONSENT && chance(random, 10));
    purpose->automated = i == P_JUDGE;
    purpose->reviewer = chance(random, 60);
    purpose->anchor = anchor_pick(random, purpose->basis);
    purpose->retention_ms = days(random, 2, 60);
    purpose->expires_ms = days(random, 3, 90);
    purpose->lapse_ms = (int64_t)(1 + below(random, 72)) * HOUR_MS;
    purpose->starts_ms = chance(random, 6) ? now_ms + days(random, 1, 30) : TIME_NONE;
    purpose->ends_ms = chance(random, 8) ? now_ms + days(random, 31, 90) : TIME_FOREVER;
    purpose->review_ms = chance(random, 15) ? now_ms + days(random, 5, 90) : TIME_NONE;
    if (i == P_TIPS)
        purpose->compatible = BIT(P_ORDERS) | BIT(P_NEWSLETTER) | BIT(P_SAFETY) | BIT(P_RESCUE);
    else if (i == P_JUDGE && chance(random, 30))
        purpose->compatible = BIT(P_FRAUD);
}

static purpose_bits some_purposes(struct random *random, unsigned percent)
{
    purpose_bits set = 0;
    for (unsigned i = 0; i < PURPOSES; i++)
        set |= chance(random, percent) ? BIT(i) : 0;
    return set;
}

static void sources_make(struct random *random, struct spec *spec)
{
    static const enum when_denied usual[SOURCES] = {WHEN_DENIED_HOLD, WHEN_DENIED_DROP, WHEN_DENIED_ANONYMISE, WHEN_DENIED_HOLD, WHEN_DENIED_DROP};
    for (unsigned i = 0; i < SOURCES; i++) {
        struct spec_source *source = &spec->sources[i];
        source->purposes = some_purposes(random, 55) | (i == SOURCE_CALIFORNIA ? BIT(P_DEALS) : 0);
        source->when_denied = chance(random, 80) ? usual[i] : (enum when_denied)below(random, 3);
        source->hold_ms = days(random, 1, 6);
        source->jurisdiction = i == SOURCE_CALIFORNIA ? "US-CA" : "";
        source->trusted = i == SOURCE_TILL;
        source->informs = chance(random, 50) ? BIT(NOTICE_PRIVACY) : 0;
        source->trust = below(random, 3);
        source->open = i != SOURCE_TILL && !(i == SOURCE_APP && source->trust == 2);
    }
}

static void destinations_make(struct random *random, struct spec *spec)
{
    static const unsigned purposes[DESTINATIONS] = {P_NEWSLETTER, P_ORDERS, P_ORDERS, P_LETTERS, P_TIPS};
    static const char *const channels[DESTINATIONS] = {"email", "", "", "sms", ""};
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        struct spec_destination *destination = &spec->destinations[i];
        *destination = (struct spec_destination){.present = chance(random, 85), .purpose = purposes[i], .channel = channels[i],
                                                 .transfer_ok = i != DEST_FAR || chance(random, 50), .events = true,
                                                 .profiles = i == DEST_MAILER || chance(random, 30)};
        if (i == DEST_DESK && chance(random, 60))
            destination->wanted = "Order Completed";
        destination->vendor = spec->tcf && (i == DEST_MAILER || i == DEST_TIPS);
        destination->categories = spec->purposes[purposes[i]].categories;
        if (chance(random, 40))
            destination->categories &= ~BIT(below(random, CATEGORIES));
    }
}

/* Nothing names a purpose that is not there. */
static void spec_settle(struct spec *spec)
{
    purpose_bits present = 0;
    for (unsigned i = 0; i < PURPOSES; i++)
        present |= spec->purposes[i].present ? BIT(i) : 0;
    for (unsigned i = 0; i < PURPOSES; i++)
        spec->purposes[i].compatible &= present;
    for (unsigned i = 0; i < SOURCES; i++) {
        spec->sources[i].purposes &= present;
        if (!spec->sources[i].purposes)
            spec->sources[i].purposes = BIT(P_NEWSLETTER);
    }
    for (unsigned i = 0; i < SIGNALS; i++) {
        spec->signals[i] &= present;
        if (!spec->signals[i])
            spec->signals[i] = BIT(P_NEWSLETTER);
    }
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        struct spec_destination *destination = &spec->destinations[i];
        destination->categories &= spec->purposes[destination->purpose].categories;
        if (!destination->categories)
            destination->categories = spec->purposes[destination->purpose].categories;
        destination->present &= (present >> destination->purpose & 1) != 0;
    }
    if (spec->identity_purpose >= 0 && !(present >> spec->identity_purpose & 1))
        spec->identity_purpose = -1;
}

/* The last digits of a seed say to which family its world belongs; seeds.txt relies on it. */
void spec_make(struct random *random, uint64_t seed, int64_t now_ms, struct spec *spec)
{
    static const unsigned joins[] = {P_FRAUD, P_ORDERS, P_NEWSLETTER, P_SAFETY, P_MATCHING};
    *spec = (struct spec){.activated_ms = now_ms - DAY_MS, .tcf = seed % 10 == 7, .gpp = seed % 20 == 1};
    for (unsigned i = 0; i < NOTICES; i++) {
        unsigned version = 1 + below(random, 3);
        spec->notices[i] = (struct spec_notice){version, below(random, version + 1), now_ms - days(random, 0, 40), days(random, 0, 14)};
    }
    for (unsigned i = 0; i < PURPOSES; i++)
        purpose_make(random, now_ms, spec, i);
    sources_make(random, spec);
    destinations_make(random, spec);
    spec->signals[SIGNAL_ADVERTISING] = BIT(P_NEWSLETTER) | (chance(random, 50) ? BIT(P_LETTERS) : 0);
    spec->signals[SIGNAL_ANALYTICS] = BIT(P_ANALYTICS) | (chance(random, 30) ? BIT(P_DEALS) : 0);
    spec->signals[SIGNAL_FUNCTIONAL] = some_purposes(random, 15);
    spec->identity_purpose = chance(random, 30) ? (int)joins[below(random, COUNT_OF(joins))] : -1;
    spec->key_limits[KEY_USER] = 1 + below(random, 2);
    for (unsigned i = KEY_EMAIL; i < KEYS; i++)
        spec->key_limits[i] = 1 + below(random, 4);
    spec->vary = (int)below(random, CATEGORIES);
    spec->gpc_in_eu = chance(random, 50);
    spec->law_under_restriction = chance(random, 50);
    spec->overriders = chance(random, 50);
    spec->order = below(random, 1000);
    spec->guardian_stands = spec->order % 2;
    spec_settle(spec);
}

void spec_change(struct random *random, int64_t now_ms, struct spec *spec)
{
    unsigned changes = 1 + below(random, 4);
    for (unsigned n = 0; n < changes; n++) {
        struct spec_purpose *purpose = &spec->purposes[below(random, PURPOSES)];
        struct spec_notice *notice = &spec->notices[below(random, NOTICES)];
        switch (below(random, 9)) {
        case 0:
            notice->version++;
            notice->effective_ms = now_ms + days(random, 0, 5);
            notice->grace_ms = days(random, 0, 10);
            if (chance(random, 60))
                notice->renew_older_than = notice->version;
            break;
        case 1: purpose->categories = categories_pick(random, (unsigned)(purpose - spec->purposes)); break;
        case 2:
            if (purpose != &spec->purposes[P_NEWSLETTER] && purpose != &spec->purposes[P_ORDERS])
                purpose->present = !purpose->present;
            break;
        case 3: spec->vary = (int)below(random, CATEGORIES); break;
        case 4: spec->sources[below(random, SOURCES)].purposes = some_purposes(random, 55); break;
        case 5: destinations_make(random, spec); break;
        case 6: purpose->retention_ms = days(random, 2, 60); break;
        case 7: purpose->ends_ms = chance(random, 50) ? now_ms + days(random, 0, 20) : TIME_FOREVER; break;
        default: purpose->terms_min = below(random, purpose->terms + 1); break;
        }
        if (purpose->starts_ms != TIME_NONE && purpose->ends_ms <= purpose->starts_ms)
            purpose->ends_ms = TIME_FOREVER;
    }
    spec->order = below(random, 1000);
    spec->guardian_stands = spec->order % 2;
    spec->activated_ms = now_ms;
    spec_settle(spec);
}

int spec_purpose_find(str name)
{
    for (int i = 0; i < PURPOSES; i++)
        if (str_equal(name, str_of(spec_purpose_names[i])))
            return i;
    return -1;
}

int spec_source_find(str name)
{
    for (int i = 0; i < SOURCES; i++)
        if (str_equal(name, str_of(spec_source_names[i])))
            return i;
    return -1;
}
