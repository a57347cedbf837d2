/* How people answered: /v1/consents/rates. */
import { api, ask, type Schema } from '../api';

export type Rates = Schema<'ConsentRates'>;
export type Rate = Rates['rates'][number];
export type Standing = Rates['standing'][number];

export function days_back(days: number): string {
  const date = new Date(Date.now() - days * 86_400_000);
  return date.toISOString().slice(0, 10);
}

export const rates_of = (by: 'source' | 'channel' | 'notice' | undefined, from: string): Promise<Rates> => ask(api.GET('/v1/consents/rates', { params: { query: { by, from } } }));
