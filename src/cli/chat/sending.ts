/** Sends what a person typed: on the screen at once, in the outbox before anything leaves, its fate told by the notes. */
import type { Client, Message } from '../../client/api.ts';
import type { Address } from '../../protocol/ids.ts';
import { isUnanswered } from '../exit-codes.ts';
import { sendRefusal } from '../group-words.ts';
import { quoted } from './render.ts';
import type { Screen } from './screen.ts';
import type { SentNotes } from './sent-notes.ts';

export interface SendingPorts {
  readonly client: Client;
  readonly notes: SentNotes;
  /** Shows an own message. */
  readonly show: (message: Message) => void;
  readonly screen: Screen;
}

/** Resolves when its fate is known or a node is taking its time; failures are shown, not thrown. */
export async function sendShown(ports: SendingPorts, to: Address, text: string): Promise<void> {
  const { client, notes, show, screen } = ports;
  let id: Message['id'] | undefined;
  try {
    const queued = await client.send(to, text, { wait: 'none' });
    ({ id } = queued);
    show({ ...queued, from: client.account, text });
    notes.queued(id, to, text);
    const { state } = await client.send(to, text, { id, wait: 'stored' });
    notes.reached(id, state);
  } catch (cause) {
    const { message, code } = sendRefusal(cause, to);
    if (id === undefined)
      return screen.alert(`not sent to ${to}: ${quoted(text)}: ${message}`, code);
    // What nobody answers goes on waiting, of which the notes tell; and so does what waits for a login.
    if (isUnanswered(cause)) return;
    if (code !== 'E_NOT_LOGGED_IN' && code !== 'E_AUTH') return notes.failed(id, message);
    notes.waitsKnown(id);
    screen.alert(`${quoted(text)} to ${to} is kept in the outbox until you log in again`, code);
  }
}
