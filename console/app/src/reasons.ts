/* Reason codes as people read them. English comes with most answers; the list stands here for those that carry the code alone. */
import type { Reason } from './api';
import { t } from './words';

/** code → text, what would make it a yes; as src/model/reason.h has them (a test compares). */
export const REASONS: Record<string, [string, string]> = {
  purpose_unknown: ['No active policy version has this purpose.', 'Declare the purpose in the policy and apply it.'],
  purpose_not_yet_active: ['The purpose starts later.', 'Wait until its start.'],
  purpose_ended: ['The purpose has ended.', 'Use the purpose that supersedes it.'],
  category_not_covered: ['The purpose does not cover this category of data.', 'Add the category to the purpose, if it is necessary for it.'],
  field_not_declared: ['The policy names no category for this field.', 'Name the field under `fields`, or set `fields.default`.'],
  recipient_not_declared: ['The recipient is not declared for this purpose.', 'Declare a destination with this recipient for the purpose.'],
  transfer_without_safeguard: ['The recipient\'s country is neither adequate nor covered by a safeguard.', 'Name the safeguard on the destination, or choose another recipient.'],
  special_category_without_condition: ['A special category of data needs a condition of Art. 9(2).', 'Name the condition on the purpose.'],
  automated_decision_not_permitted: ['An automated decision with legal effect is not permitted on this basis.', 'Rest it on consent, contract or law, and name a human reviewer.'],
  consent_missing: ['The person has not consented.', 'Ask for consent.'],
  consent_refused: ['The person refused.', 'Only the person can change that.'],
  consent_withdrawn: ['The person withdrew the consent.', 'Only the person can change that.'],
  consent_expired: ['The consent has run out.', 'Ask the person to renew it.'],
  consent_outdated_notice: ['The consent was given under an older notice.', 'Ask the person to consent under the present notice.'],
  consent_guardian_required: ['The person is too young to consent alone.', 'Ask a guardian.'],
  consent_own_required: ['The guardian\'s consent ended when the person came of age.', 'Ask the person.'],
  consent_not_explicit: ['This data needs an explicit consent.', 'Ask for explicit consent.'],
  contract_missing: ['No contract with the person is open.', 'Record that a contract was opened or asked for.'],
  contract_ended: ['The contract has ended.', 'Record a new contract.'],
  terms_outdated: ['The contract is under terms older than the purpose demands.', 'Have the person accept the present terms.'],
  retention_elapsed: ['The time to keep this data is over.', 'Nothing; it is erased.'],
  vital_interest_not_invoked: ['Nobody has invoked a vital interest for this person.', 'Someone responsible must invoke it, with the reason.'],
  vital_interest_lapsed: ['The vital interest has lapsed.', 'Invoke it again, if the emergency goes on.'],
  objection_pending: ['The person objected; the objection is being examined.', 'Decide the objection.'],
  objected: ['The person objected.', 'Only the person can change that.'],
  not_informed: ['The person was not informed.', 'Show the notice and record it.'],
  assessment_overdue: ['The balancing test is due for review.', 'Review it and date it anew in the policy.'],
  opted_out_by_signal: ['The person\'s browser or device opts out.', 'Only the person can change that.'],
  subject_erased: ['The person was erased.', 'Nothing.'],
  processing_restricted: ['Processing of this person\'s data is restricted (Art. 18).', 'Lift the restriction when its cause is gone.'],
  fact_purpose_mismatch: ['The data was collected for other purposes.', 'Collect it for this purpose, or declare and assess compatibility (Art. 6(4)).'],
  channel_opted_out: ['The person does not want this channel.', 'Use another channel.'],
  topic_opted_out: ['The person does not want this topic.', 'Choose another topic.'],
  quiet_hours: ['The person\'s quiet hours.', 'Wait until they are over.'],
  frequency_capped: ['The person was contacted often enough.', 'Wait until the period is over.'],
  channel_unreachable: ['No identifier is known for this channel.', 'Collect one for this purpose.'],
  indeterminate: ['The gate cannot know, so it denies.', 'Mend what could not be read.'],
  hold_full: ['Too many messages of this person are held.', 'Ask for consent.'],
  identifier_invalid: ['The identifier is not a valid value of its type.', 'Send a valid one.'],
  identifier_blocked: ['The value identifies nobody (a test or empty value).', 'Send a real one.'],
  identifier_limit: ['The person already has as many identifiers of this type as the policy allows.', 'Raise the limit, if they are really one person.'],
  identity_not_permitted: ['Joining is itself processing, and its purpose is denied for one side.', 'Obtain the basis of `identity.purpose`.'],
  join_undone: ['This join was undone by a person.', 'Lift the undo.'],
  too_many_facts: ['The person has as many facts as Telos keeps.', 'Send fewer distinct traits.'],
  field_name_too_long: ['The field\'s path is too long.', 'Shorten it.'],
  no_identifier: ['No identifier that may be kept names the person.', 'Send userId or anonymousId.'],
  purpose_narrowed: ['The message itself asks for fewer purposes.', 'Nothing.'],
  vendor_not_permitted: ['No TC string of the person lets this vendor have it.', 'Ask through the consent banner.'],
};

/** An answer may say it more exactly than its code does ("no policy was in force at that time"); then that is what is shown. */
const said = (exact: string | undefined, usual: string | undefined): string | undefined => (exact && exact !== usual ? exact : usual);
export const reason_text = (reason: Reason): string => t(said(reason.text, REASONS[reason.code]?.[0]) ?? reason.code);
export const reason_remedy = (reason: Reason): string => t(said(reason.remedy, REASONS[reason.code]?.[1]) ?? 'Ask whoever runs this server.');
