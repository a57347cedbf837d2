/* What somebody types to find a person, as a subject `type:value`. */
import { policy } from './policy';

/** `profile:ID`, as deliveries and the live feed name a person; the policy may have an identity key of that name. */
export const by_number = (who: string): boolean => who.startsWith('profile:') && policy.value?.keys.includes('profile') === false;

export function subject_of(text: string): string | null {
  const value = text.trim();
  if (!value) return null;
  const cut = value.indexOf(':');
  if (cut > 0 && /^[a-z][a-z0-9_]*$/.test(value.slice(0, cut)) && cut < value.length - 1) return value;
  if (value.includes('@') && /\S+@\S+\.\S+/.test(value)) return `email:${value}`;
  const digits = value.replace(/[\s()/-]/g, '');
  if (/^\+?\d{8,15}$/.test(digits)) return `phone:${digits}`;
  if (/\s/.test(value)) return null;
  return policy.value?.keys.includes('user_id') === false ? null : `user_id:${value}`;
}
