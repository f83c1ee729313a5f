/** `import { connect } from 'fastchat'`: the client that the commands use, logged in and ready. */
import type { Client } from './api.ts';
import { openClient } from './open-client.ts';
import type { OpenOptions } from './open-client.ts';

/**
 * Opens the account of this home and logs in: with the device that the home has or, the first time, with `password`.
 * @throws E_HOME_IN_USE, E_AUTH, E_NOT_LOGGED_IN (no device and no password), E_UNREACHABLE
 */
export async function connect(
  options: OpenOptions & { readonly password?: string },
): Promise<Client> {
  const client = await openClient(options);
  try {
    if (client.registered || options.password === undefined) await client.connect();
    else await client.login(options.password);
    return client;
  } catch (cause) {
    await client.close();
    throw cause;
  }
}
