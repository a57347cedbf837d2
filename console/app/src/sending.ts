/* Why a sending did not go through, in words: the codes of src/deliver, and what would mend it. What the gate says has words of its own (reasons.ts). */
import { reason_text, REASONS } from './reasons';
import { t } from './words';

const TROUBLES: Record<string, string> = {
  dns_failed: 'The receiver’s name is not found. Look at the address, and at the network.',
  connect_failed: 'The receiver does not answer. Is it running, and is the address right?',
  timeout: 'The receiver took too long to answer.',
  tls_failed: 'No encrypted connection to the receiver could be made.',
  tls_not_trusted: 'The receiver’s certificate is not trusted. Renew it there, or name its authority in the policy.',
  ca_file_unreadable: 'The file of trusted certificates cannot be read.',
  connection_lost: 'The connection broke off.',
  bad_reply: 'The receiver’s answer was not understood.',
  send_failed: 'It could not be sent. The server’s log says why.',
  secret_missing: 'The secret for signing is missing; nothing goes out unsigned.',
  url_invalid: 'The receiver’s address is not right.',
};
const STATUS: Record<string, string> = {
  400: 'The receiver found the message wrong.', 401: 'The receiver did not accept the signature or password. Compare the secret on both sides.', 403: 'The receiver does not allow it.',
  404: 'Nothing is at the receiver’s address.', 410: 'The receiver has closed this address.', 413: 'The message is too large for the receiver.', 429: 'The receiver asks to slow down.',
};

export function sending_text(code: string): string {
  if (REASONS[code]) return reason_text({ code });
  const status = code.match(/^http_(\d{3})$/)?.[1];
  if (status) return `${t(STATUS[status] ?? (status[0] === '5' ? 'Something is wrong at the receiver.' : 'The receiver refused it.'))} (HTTP ${status})`;
  return TROUBLES[code] ? t(TROUBLES[code]) : code.replace(/_/g, ' ');
}
