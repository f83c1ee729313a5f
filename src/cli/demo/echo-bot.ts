/** `@echo`: a bot that is a client like any other. It answers, and tells what happened under the hood. */
import type { Client } from '../../client/api.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import { parseUserId } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import type { Stage } from './stage.ts';

export const ECHO = parseUserId('@echo');

async function answer(stage: Stage, from: UserId, text: string): Promise<string> {
  const mine = await stage.where(ECHO);
  const yours = await stage.where(from);
  return [
    text,
    `(your message was sealed on your side, flushed to disk by ${mine.owner}, shard ${mine.shard}, and opened by me;`,
    ` this answer lies in your mailbox on ${yours.owner}, shard ${yours.shard}. No node could read either.)`,
  ].join('\n');
}

/** Answers every message from now on; `onError` hears of an answer that could not be sent. */
export function startEchoBot(
  stage: Stage,
  client: Client,
  onError: (text: string) => void,
): { stop(): void } {
  const listener = client.on((event) => {
    if (event.type !== 'message' || event.text === undefined) return;
    void client.markRead(event.conversation, event.id).catch(() => undefined);
    answer(stage, event.from, event.text)
      .then((text) => client.send(event.from, text))
      .catch((cause: unknown) => onError(asFastChatError(cause).message));
  });
  return { stop: () => listener.off() };
}
