/** The refusal that an agent receives for an error that ends its call. */
import { Malformed } from '#proto/wire/messages.ts';
import { Fenced } from '../ledger/ledger.ts';
import { messageOf, Refused } from '../refusal.ts';

export function refusalOf(error: unknown): { reason: Refused['reason']; sentence: string } {
  if (error instanceof Refused) return { reason: error.reason, sentence: error.message };
  if (error instanceof Malformed) return { reason: 'INVALID', sentence: error.message };
  if (error instanceof Fenced) return { reason: 'FENCED', sentence: error.message };
  return { reason: 'REFUSAL_REASON_UNSPECIFIED', sentence: messageOf(error) };
}
