/** The admin routes of a node: what an operator can look at and do. */
import { signInvitation } from '../crypto/invitations.ts';
import { ADMIN_ROUTES } from '../ops/admin-api.ts';
import type { InvitationReport, MailboxReport, RebuildReport } from '../ops/admin-api.ts';
import type { HttpRequest, HttpRoutes } from '../ops/http.ts';
import { FastChatError } from '../protocol/errors.ts';
import { parseAddress, parseNodeId, parseUserId } from '../protocol/ids.ts';
import type { UserId } from '../protocol/ids.ts';
import { INVITATION_LIFETIME_MS } from '../protocol/limits.ts';
import { askUser } from './ask-user.ts';
import { placementReport } from './cluster-report.ts';
import type { ChatNode } from './node.ts';
import type { Operator } from './operator.ts';

export interface AdminActions {
  /** Begins to drain; the process ends after it. */
  readonly drain: () => void;
  /** Makes a new join token and worthless the old one; answers its line. */
  readonly rotateJoinToken: () => Promise<string>;
  /** Writes the map known here into an etcd that has lost it. @throws E_USAGE */
  readonly rebuildMap: () => Promise<RebuildReport>;
}

function parameter({ query }: HttpRequest, name: string): string {
  const value = query.get(name);
  if (value === null) throw new FastChatError('E_USAGE', `the parameter ${name} is missing`);
  return value;
}

async function mailbox(node: ChatNode, user: UserId): Promise<MailboxReport> {
  const stats = await askUser(node.courier, user, { type: 'mailboxStats' });
  if (!stats.exists) throw new FastChatError('E_NO_SUCH_USER', `there is no user ${user}`);
  const { messages, bytes, pending, head, devices, sessions } = stats;
  return { user, messages, bytes, pending, head, devices, sessions };
}

/** A field of a request's body that has to be text. */
function field(body: unknown, name: string): string {
  const value = (body as Readonly<Record<string, unknown>> | undefined)?.[name];
  if (typeof value === 'string') return value;
  throw new FastChatError('E_USAGE', `the body is {"${name}":"..."}`);
}

function invite(node: ChatNode, body: unknown): InvitationReport {
  const { suite, clock, signingKeys } = node.ports;
  const user = parseUserId(field(body, 'user'));
  const expires = clock.now() + INVITATION_LIFETIME_MS;
  const content = { user, expiresAtMs: expires };
  return { user, invitation: signInvitation(suite, content, signingKeys.privateKey), expires };
}

function clusterRoutes(operator: Operator): HttpRoutes {
  return {
    [ADMIN_ROUTES.where]: async (request) => ({
      body: await operator.where(parseAddress(parameter(request, 'address'))),
    }),
    [ADMIN_ROUTES.nodes]: async () => ({ body: await operator.nodes() }),
    [ADMIN_ROUTES.forget]: async ({ body }) => ({
      body: await operator.forget(parseNodeId(field(body, 'node'))),
    }),
    [ADMIN_ROUTES.users]: async () => ({ body: await operator.users() }),
    [ADMIN_ROUTES.plan]: () => ({ body: operator.plan() }),
    [ADMIN_ROUTES.rebalance]: async () => ({ body: await operator.rebalance() }),
  };
}

export function adminRoutes(node: ChatNode, operator: Operator, actions: AdminActions): HttpRoutes {
  return {
    ...clusterRoutes(operator),
    [ADMIN_ROUTES.mailbox]: async (request) => ({
      body: await mailbox(node, parseUserId(parameter(request, 'user'))),
    }),
    [ADMIN_ROUTES.explain]: (request) => ({
      body: placementReport(node, parseUserId(parameter(request, 'user'))),
    }),
    [ADMIN_ROUTES.invite]: ({ body }) => ({ body: invite(node, body) }),
    [ADMIN_ROUTES.rebuildMap]: async () => ({ body: await actions.rebuildMap() }),
    [ADMIN_ROUTES.rotate]: async () => ({ body: { token: await actions.rotateJoinToken() } }),
    [ADMIN_ROUTES.drain]: () => {
      actions.drain();
      return { body: { draining: true } };
    },
  };
}
