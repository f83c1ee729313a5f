/** The admin routes of a node: read-only looks at addresses and the balancer, invitations, drain. */
import { signInvitation } from '../crypto/invitations.ts';
import { ADMIN_ROUTES } from '../ops/admin-api.ts';
import type { InvitationReport, MailboxReport, UserReport } from '../ops/admin-api.ts';
import type { HttpRequest, HttpRoutes } from '../ops/http.ts';
import { FastChatError } from '../protocol/errors.ts';
import { parseAddress, parseUserId } from '../protocol/ids.ts';
import type { UserId } from '../protocol/ids.ts';
import { INVITATION_LIFETIME_MS, LISTED_USERS_MAX } from '../protocol/limits.ts';
import type { UserReply, UserRequest } from '../protocol/user-calls.ts';
import { placementReport, whereReport } from './cluster-report.ts';
import type { ChatNode } from './node.ts';

export interface AdminActions {
  /** Begins to drain; the process ends after it. */
  readonly drain: () => void;
  /** Makes a new join token and worthless the old one; answers its line. */
  readonly rotateJoinToken: () => Promise<string>;
}

function parameter({ query }: HttpRequest, name: string): string {
  const value = query.get(name);
  if (value === null) throw new FastChatError('E_USAGE', `the parameter ${name} is missing`);
  return value;
}

function ask<K extends UserRequest['type']>(
  node: ChatNode,
  user: UserId,
  request: Extract<UserRequest, { type: K }>,
): Promise<UserReply<K>> {
  return new Promise((resolve, reject) => {
    node.courier.ask<K>(user, request, (outcome) =>
      outcome.ok ? resolve(outcome.value) : reject(outcome.error),
    );
  });
}

async function mailbox(node: ChatNode, user: UserId): Promise<MailboxReport> {
  const stats = await ask(node, user, { type: 'mailboxStats' });
  if (!stats.exists) throw new FastChatError('E_NO_SUCH_USER', `there is no user ${user}`);
  const { messages, bytes, pending, head, devices, sessions } = stats;
  return { user, messages, bytes, pending, head, devices, sessions };
}

async function users(node: ChatNode): Promise<readonly UserReport[]> {
  const { shards } = node.cluster.directory.view.map;
  const here = shards.flatMap((_, shard) => {
    const id = shard as Parameters<typeof node.users.usersIn>[0];
    return node.cluster.ownership.servedEpoch(id) === undefined ? [] : node.users.usersIn(id);
  });
  const listed = here.toSorted().slice(0, LISTED_USERS_MAX);
  return Promise.all(
    listed.map(async (user) => {
      const [stats, presence] = await Promise.all([
        ask(node, user, { type: 'mailboxStats' }),
        ask(node, user, { type: 'presence', asker: user }),
      ]);
      return {
        user,
        online: stats.sessions > 0,
        lastSeen: presence.lastSeen,
        devices: stats.devices,
      };
    }),
  );
}

function invite(node: ChatNode, body: unknown): InvitationReport {
  const name = (body as { readonly user?: unknown } | undefined)?.user;
  if (typeof name !== 'string') throw new FastChatError('E_USAGE', 'the body is {"user":"@name"}');
  const { suite, clock, signingKeys } = node.ports;
  const user = parseUserId(name);
  const expires = clock.now() + INVITATION_LIFETIME_MS;
  const content = { user, expiresAtMs: expires };
  return { user, invitation: signInvitation(suite, content, signingKeys.privateKey), expires };
}

export function adminRoutes(node: ChatNode, actions: AdminActions): HttpRoutes {
  return {
    [ADMIN_ROUTES.where]: (request) => ({
      body: whereReport(node, parseAddress(parameter(request, 'address'))),
    }),
    [ADMIN_ROUTES.mailbox]: async (request) => ({
      body: await mailbox(node, parseUserId(parameter(request, 'user'))),
    }),
    [ADMIN_ROUTES.explain]: (request) => ({
      body: placementReport(node, parseUserId(parameter(request, 'user'))),
    }),
    [ADMIN_ROUTES.users]: async () => ({ body: await users(node) }),
    [ADMIN_ROUTES.invite]: ({ body }) => ({ body: invite(node, body) }),
    [ADMIN_ROUTES.rotate]: async () => ({ body: { token: await actions.rotateJoinToken() } }),
    [ADMIN_ROUTES.drain]: () => {
      actions.drain();
      return { body: { draining: true } };
    },
  };
}
