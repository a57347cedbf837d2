/* Reason codes: one list with a fixed spelling, from which C, JSON, and docs/decisions.md are made. A set of reasons is one
 * machine word. */
#ifndef TELOS_MODEL_REASON_H
#define TELOS_MODEL_REASON_H

#include "base/str.h"

/* code, spelling, text for people, what would make it a yes */
#define REASONS(X)                                                                                                     \
    X(REASON_PURPOSE_UNKNOWN, "purpose_unknown", "No active policy version has this purpose.", "Declare the purpose in the policy and apply it.") \
    X(REASON_PURPOSE_NOT_YET_ACTIVE, "purpose_not_yet_active", "The purpose starts later.", "Wait until its start.") \
    X(REASON_PURPOSE_ENDED, "purpose_ended", "The purpose has ended.", "Use the purpose that supersedes it.") \
    X(REASON_CATEGORY_NOT_COVERED, "category_not_covered", "The purpose does not cover this category of data.", "Add the category to the purpose, if it is necessary for it.") \
    X(REASON_FIELD_NOT_DECLARED, "field_not_declared", "The policy names no category for this field.", "Name the field under `fields`, or set `fields.default`.") \
    X(REASON_RECIPIENT_NOT_DECLARED, "recipient_not_declared", "The recipient is not declared for this purpose.", "Declare a destination with this recipient for the purpose.") \
    X(REASON_TRANSFER_WITHOUT_SAFEGUARD, "transfer_without_safeguard", "The recipient's country is neither adequate nor covered by a safeguard.", "Name the safeguard on the destination, or choose another recipient.") \
    X(REASON_SPECIAL_CATEGORY_WITHOUT_CONDITION, "special_category_without_condition", "A special category of data needs a condition of Art. 9(2).", "Name the condition on the purpose.") \
    X(REASON_AUTOMATED_DECISION_NOT_PERMITTED, "automated_decision_not_permitted", "An automated decision with legal effect is not permitted on this basis.", "Rest it on consent, contract or law, and name a human reviewer.") \
    X(REASON_CONSENT_MISSING, "consent_missing", "The person has not consented.", "Ask for consent.") \
    X(REASON_CONSENT_REFUSED, "consent_refused", "The person refused.", "Only the person can change that.") \
    X(REASON_CONSENT_WITHDRAWN, "consent_withdrawn", "The person withdrew the consent.", "Only the person can change that.") \
    X(REASON_CONSENT_EXPIRED, "consent_expired", "The consent has run out.", "Ask the person to renew it.") \
    X(REASON_CONSENT_OUTDATED_NOTICE, "consent_outdated_notice", "The consent was given under an older notice.", "Ask the person to consent under the present notice.") \
    X(REASON_CONSENT_GUARDIAN_REQUIRED, "consent_guardian_required", "The person is too young to consent alone.", "Ask a guardian.") \
    X(REASON_CONSENT_OWN_REQUIRED, "consent_own_required", "The guardian's consent ended when the person came of age.", "Ask the person.") \
    X(REASON_CONSENT_NOT_EXPLICIT, "consent_not_explicit", "This data needs an explicit consent.", "Ask for explicit consent.") \
    X(REASON_CONTRACT_MISSING, "contract_missing", "No contract with the person is open.", "Record that a contract was opened or asked for.") \
    X(REASON_CONTRACT_ENDED, "contract_ended", "The contract has ended.", "Record a new contract.") \
    X(REASON_TERMS_OUTDATED, "terms_outdated", "The contract is under terms older than the purpose demands.", "Have the person accept the present terms.") \
    X(REASON_RETENTION_ELAPSED, "retention_elapsed", "The time to keep this data is over.", "Nothing; it is erased.") \
    X(REASON_VITAL_INTEREST_NOT_INVOKED, "vital_interest_not_invoked", "Nobody has invoked a vital interest for this person.", "Someone responsible must invoke it, with the reason.") \
    X(REASON_VITAL_INTEREST_LAPSED, "vital_interest_lapsed", "The vital interest has lapsed.", "Invoke it again, if the emergency goes on.") \
    X(REASON_OBJECTION_PENDING, "objection_pending", "The person objected; the objection is being examined.", "Decide the objection.") \
    X(REASON_OBJECTED, "objected", "The person objected.", "Only the person can change that.") \
    X(REASON_NOT_INFORMED, "not_informed", "The person was not informed.", "Show the notice and record it.") \
    X(REASON_ASSESSMENT_OVERDUE, "assessment_overdue", "The balancing test is due for review.", "Review it and date it anew in the policy.") \
    X(REASON_OPTED_OUT_BY_SIGNAL, "opted_out_by_signal", "The person's browser or device opts out.", "Only the person can change that.") \
    X(REASON_SUBJECT_ERASED, "subject_erased", "The person was erased.", "Nothing.") \
    X(REASON_PROCESSING_RESTRICTED, "processing_restricted", "Processing of this person's data is restricted (Art. 18).", "Lift the restriction when its cause is gone.") \
    X(REASON_FACT_PURPOSE_MISMATCH, "fact_purpose_mismatch", "The data was collected for other purposes.", "Collect it for this purpose, or declare and assess compatibility (Art. 6(4)).") \
    X(REASON_CHANNEL_OPTED_OUT, "channel_opted_out", "The person does not want this channel.", "Use another channel.") \
    X(REASON_TOPIC_OPTED_OUT, "topic_opted_out", "The person does not want this topic.", "Choose another topic.") \
    X(REASON_QUIET_HOURS, "quiet_hours", "The person's quiet hours.", "Wait until they are over.") \
    X(REASON_FREQUENCY_CAPPED, "frequency_capped", "The person was contacted often enough.", "Wait until the period is over.") \
    X(REASON_CHANNEL_UNREACHABLE, "channel_unreachable", "No identifier is known for this channel.", "Collect one for this purpose.") \
    X(REASON_INDETERMINATE, "indeterminate", "The gate cannot know, so it denies.", "Mend what could not be read.") \
    X(REASON_HOLD_FULL, "hold_full", "Too many messages of this person are held.", "Ask for consent.") \
    X(REASON_IDENTIFIER_INVALID, "identifier_invalid", "The identifier is not a valid value of its type.", "Send a valid one.") \
    X(REASON_IDENTIFIER_BLOCKED, "identifier_blocked", "The value identifies nobody (a test or empty value).", "Send a real one.") \
    X(REASON_IDENTIFIER_LIMIT, "identifier_limit", "The person already has as many identifiers of this type as the policy allows.", "Raise the limit, if they are really one person.") \
    X(REASON_IDENTITY_NOT_PERMITTED, "identity_not_permitted", "Joining is itself processing, and its purpose is denied for one side.", "Obtain the basis of `identity.purpose`.") \
    X(REASON_JOIN_UNDONE, "join_undone", "This join was undone by a person.", "Lift the undo.") \
    X(REASON_TOO_MANY_FACTS, "too_many_facts", "The person has as many facts as Telos keeps.", "Send fewer distinct traits.") \
    X(REASON_FIELD_NAME_TOO_LONG, "field_name_too_long", "The field's path is too long.", "Shorten it.") \
    X(REASON_NO_IDENTIFIER, "no_identifier", "No identifier that may be kept names the person.", "Send userId or anonymousId.") \
    X(REASON_PURPOSE_NARROWED, "purpose_narrowed", "The message itself asks for fewer purposes.", "Nothing.") \
    X(REASON_VENDOR_NOT_PERMITTED, "vendor_not_permitted", "No TC string of the person lets this vendor have it.", "Ask through the consent banner.")
enum reason {
#define X(code, name, text, remedy) code,
    REASONS(X)
#undef X
        REASON_COUNT
};
_Static_assert(REASON_COUNT <= 64, "a set of reasons is one machine word");
typedef uint64_t reason_mask;
#define REASON_BIT(reason) (UINT64_C(1) << (reason))

const char *reason_name(enum reason reason);
const char *reason_text(enum reason reason);
const char *reason_remedy(enum reason reason);
bool reason_parse(str name, enum reason *ret_reason);

#endif
