/** `fastchat contact …`. */
import type { Client } from '../../client/api.ts';
import type { UserId } from '../../protocol/ids.ts';
import { withSession } from '../account.ts';
import type { CommandContext } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { moment } from '../message-format.ts';

export async function listContacts(context: CommandContext): Promise<number> {
  await withSession(context, async ({ client }) => {
    for (const view of await client.contacts()) {
      const { user, online, lastSeen, verified, blocked } = view;
      const seen = online ? 'online' : moment(lastSeen);
      const marks = [verified ? 'verified' : '', blocked ? 'blocked' : '']
        .filter(Boolean)
        .join(' ');
      await context.out.result({
        json: { user, online, lastSeen, verified, blocked },
        plain: [[user, seen, marks]],
      });
    }
  });
  return EXIT.ok;
}

async function change(
  context: CommandContext,
  act: (client: Client, user: UserId) => Promise<void>,
  done: string,
): Promise<number> {
  const user = context.args.user(0);
  await withSession(context, async ({ client }) => {
    await act(client, user);
    await context.out.result({ json: { user }, plain: [] });
    context.out.note(`${user} ${done}`);
  });
  return EXIT.ok;
}

export function addContact(context: CommandContext): Promise<number> {
  return change(context, (client, user) => client.addContact(user), 'is a contact');
}

export function removeContact(context: CommandContext): Promise<number> {
  return change(context, (client, user) => client.removeContact(user), 'is no contact any more');
}

export function blockContact(context: CommandContext): Promise<number> {
  return change(context, (client, user) => client.block(user), 'is blocked, and is not told');
}

export function unblockContact(context: CommandContext): Promise<number> {
  return change(context, (client, user) => client.unblock(user), 'is not blocked any more');
}

export async function showFingerprint(context: CommandContext): Promise<number> {
  const named = context.args.words.length > 0 ? context.args.user(0) : undefined;
  await withSession(context, async ({ account, client }) => {
    const user = named ?? account;
    const { fingerprint, verified } = await client.fingerprint(user);
    await context.out.result({
      json: { user, fingerprint, verified },
      plain: [[user, fingerprint, verified ? 'verified' : '']],
    });
  });
  return EXIT.ok;
}

/** A fingerprint that differs is exit 4, with both sides to compare. */
export async function verifyContact(context: CommandContext): Promise<number> {
  const user = context.args.user(0);
  const claimed = context.args.words.slice(1).join(' ');
  return withSession(context, async ({ client }) => {
    const { verified } = await client.verify(user, claimed);
    await context.out.result({
      json: { user, verified },
      plain: verified ? [[user, 'verified']] : [],
    });
    if (verified) return EXIT.ok;
    context.out.note(
      `NOT verified: this is not the fingerprint of ${user}: somebody may be in between`,
    );
    return EXIT.untrusted;
  });
}
