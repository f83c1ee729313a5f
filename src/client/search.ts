/** Full text search by reading: the store is encrypted, so there is no index to look into. */
import type { Clock } from '../ops/clock.ts';
import type { Address } from '../protocol/ids.ts';
import { CLIENT_SCAN_RECORDS } from '../protocol/limits.ts';
import type { History } from './store/history.ts';
import type { MessageRecord } from './store/records.ts';

export interface SearchPorts {
  readonly clock: Clock;
  readonly history: History;
}

/** The newest `limit` messages that contain `query`, whatever the case; oldest first. */
export async function searchMessages(
  ports: SearchPorts,
  query: string,
  options: { readonly conversation: Address | undefined; readonly limit: number },
): Promise<readonly MessageRecord[]> {
  const wanted = folded(query);
  const conversations =
    options.conversation === undefined
      ? ports.history.conversations().map(({ conversation }) => conversation)
      : [options.conversation];
  const found: MessageRecord[] = [];
  for (const conversation of conversations)
    found.push(...(await searchOne(ports, conversation, wanted, options.limit)));
  found.sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq);
  return found.slice(-options.limit);
}

async function searchOne(
  { clock, history }: SearchPorts,
  conversation: Address,
  wanted: string,
  limit: number,
): Promise<readonly MessageRecord[]> {
  const found: MessageRecord[] = [];
  let end: number | undefined;
  for (;;) {
    const page = history.newest(conversation, CLIENT_SCAN_RECORDS, end);
    for (const record of page.toReversed())
      if (found.length < limit && says(record, wanted)) found.push(record);
    end = page[0]?.seq;
    if (page.length < CLIENT_SCAN_RECORDS || found.length >= limit) return found;
    // Other work goes on between two pages.
    await new Promise<void>((resolve) => {
      clock.soon(resolve);
    });
  }
}

function says({ content }: MessageRecord, wanted: string): boolean {
  if (content.type === 'text') return folded(content.text).includes(wanted);
  return content.type === 'file' && folded(`${content.name}\n${content.caption}`).includes(wanted);
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}
