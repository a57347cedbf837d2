/* How people answered: /v1/consents/rates. */
import { text } from '../api';

export interface Rate {
  purpose: string; group: string; day: string; given?: number; refused?: number; withdrawn?: number; renewed?: number; objected?: number; opted_out?: number; opened?: number;
  ended?: number; informed?: number;
}
export interface Standing { purpose: string; people: number; given: number; refused: number; withdrawn: number; none: number }
export interface Rates { rates: Rate[]; standing: Standing[]; complete?: boolean; as_of?: string }

export function days_back(days: number): string {
  const date = new Date(Date.now() - days * 86_400_000);
  return date.toISOString().slice(0, 10);
}

export async function rates_of(by: string, from: string): Promise<Rates> {
  return JSON.parse(await text(`/v1/consents/rates?by=${by}&from=${from}`)) as Rates;
}
