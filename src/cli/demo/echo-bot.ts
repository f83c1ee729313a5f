/** `@echo`: a bot that is a client like any other. It answers, and tells what happened under the hood. */
import type { Client } from '../../client/api.ts';
import { asFastChatError } from '../../protocol/errors.ts';
import { isGroup, parseUserId } from '../../protocol/ids.ts';
import type { Address } from '../../protocol/ids.ts';
import type { Stage } from './stage.ts';

export const ECHO = parseUserId('@echo');

async function answer(stage: Stage, to: Address, text: string): Promise<string> {
  const yours = await stage.where(to);
  if (isGroup(to))
    return `${text}\n(${to} is shard ${yours.shard} on ${yours.owner}: one sealed copy there is for everybody in it.)`;
  const mine = await stage.where(ECHO);
  return [
    text,
    `(your message was sealed on your side, flushed to disk by ${mine.owner}, shard ${mine.shard}, and opened by me;`,
    ` this answer lies in your mailbox on ${yours.owner}, shard ${yours.shard}. No node could read either.)`,
  ].join('\n');
}

/** Answers every message from now on, in a group to all; `onError` hears of an answer that could not be sent. */
export function startEchoBot(
  stage: Stage,
  client: Client,
  onError: (text: string) => void,
): { stop(): void } {
  const listener = client.on((event) => {
    if (event.type !== 'message' || event.text === undefined || event.from === ECHO) return;
    void client.markRead(event.conversation, event.id).catch(() => undefined);
    const { conversation } = event;
    answer(stage, conversation, event.text)
      .then((text) => client.send(conversation, text))
      .catch((cause: unknown) => onError(asFastChatError(cause).message));
  });
  return { stop: () => listener.off() };
}
