/** The client library behind the commands. */
import { openClient as open } from '../client/open-client.ts';
import type { OpenClient } from './command.ts';

/** Opens the account on this machine. @throws E_HOME_IN_USE, E_USAGE (not a connect URL) */
export const openClient: OpenClient = ({ home, account, server, onFailure }) =>
  open({ home, account, servers: server, ...(onFailure !== undefined && { onFailure }) });
