/** The first chat of a home without an account: server, name, password, keys; the recovery code is shown once. */
import { asFastChatError, FastChatError } from '../../protocol/errors.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import { parseUserId } from '../../protocol/ids.ts';
import type { UserId } from '../../protocol/ids.ts';
import { safe } from '../../protocol/safe-text.ts';
import { RECOVERY_ADVICE } from '../account-words.ts';
import { SERVER_HINT, withNewAccount } from '../account.ts';
import type { OpenAccount } from '../account.ts';
import { Arguments } from '../arguments.ts';
import type { CommandContext } from '../command.ts';
import { rememberServer } from '../home.ts';
import { isWeak, WEAK_PASSWORD } from '../password.ts';
import { askHidden, askLine } from '../prompt.ts';

/** What a person has answered so far; what turned out wrong is asked again. */
interface Answers {
  server?: string | undefined;
  isNew?: boolean | undefined;
  account?: UserId | undefined;
  password?: string | undefined;
  invitation?: string | undefined;
}

/** Failures after which another answer may help, and which one. */
const WRONG_ANSWERS: Partial<Record<ErrorCode, ReadonlyArray<keyof Answers>>> = {
  E_NAME_TAKEN: ['account'],
  E_AUTH: ['account', 'password'],
  E_UNREACHABLE: ['server'],
  E_TIMEOUT: ['server'],
  E_KEY_CHANGED: ['server'],
  E_VERSION: ['server'],
  E_USAGE: ['server'],
  // An invitation is for one name: either may be the wrong one.
  E_REGISTRATION: ['account', 'invitation'],
};

const TAKEN = 'choose another (if it is yours: Ctrl+C, start again, log in)';

const NEXT_STEPS = [
  'What comes next, in the chat:',
  '  [ ] write to a friend      /msg @friend hello',
  '  [ ] make a group           /group create #team @friend',
  '  [ ] check that it is them  /verify @friend',
];

class FirstRun {
  readonly #context: CommandContext;
  readonly #answers: Answers = {};
  /** The server's refusal of a registration: from then on an invitation is asked for. */
  #refusal: FastChatError | undefined;
  #isGivenUp = false;

  constructor(context: CommandContext) {
    this.#context = context;
    this.#answers.server = context.args.text('server') ?? context.io.env['FASTCHAT_SERVER'];
  }

  async run(): Promise<UserId> {
    this.#say('Welcome to FastChat. This makes an account and its keys on this machine,');
    this.#say('or logs in to an account that you have.');
    for (;;) {
      try {
        return await this.#attempt();
      } catch (cause) {
        if (this.#isGivenUp) throw cause;
        this.#take(cause);
      }
    }
  }

  /** Forgets the answers that were wrong. @throws what no other answer mends */
  #take(cause: unknown): void {
    if (!(cause instanceof FastChatError)) throw cause;
    const { code, message } = asFastChatError(cause);
    const wrong = WRONG_ANSWERS[code];
    if (wrong === undefined) throw cause;
    this.#say(code === 'E_NAME_TAKEN' ? `${message}: ${TAKEN}` : message);
    if (code === 'E_REGISTRATION') {
      this.#refusal = cause;
      // Nothing was wrong with the answers: one is missing.
      if (this.#answers.invitation === undefined) return;
    }
    for (const name of wrong) this.#answers[name] = undefined;
  }

  /** Asks what is not known yet, in order, and makes the account or logs in. */
  async #attempt(): Promise<UserId> {
    const answers = this.#answers;
    answers.server ??= await this.#askServer();
    // Before anybody chooses a password for it.
    await this.#context.ports.probeServer(answers.server);
    answers.isNew ??= await this.#askWhetherNew();
    answers.account ??= await this.#askName();
    if (this.#refusal !== undefined && answers.isNew)
      answers.invitation ??= await this.#askInvitation(this.#refusal);
    answers.password ??= answers.isNew
      ? await this.#askNewPassword()
      : await askHidden(this.#context.io, 'Password: ');
    const { account, password, server, isNew } = answers;
    const args = new Arguments([], { server });
    const use = isNew ? this.#register.bind(this) : this.#logIn.bind(this);
    await withNewAccount({ ...this.#context, args }, account, (open) => use(open, password));
    await rememberServer(this.#context.home, account, server);
    if (isNew) await askLine(this.#context.io, 'Enter goes on. ');
    return account;
  }

  async #askServer(): Promise<string> {
    this.#say(`Which server? (Hint: ${SERVER_HINT})`);
    return askLine(this.#context.io, 'Server (fastchat://…): ');
  }

  async #askWhetherNew(): Promise<boolean> {
    for (;;) {
      const text = await askLine(this.#context.io, 'A new account, or log in? [new/login] ');
      if (text === '' || 'new'.startsWith(text.toLowerCase())) return true;
      if ('login'.startsWith(text.toLowerCase())) return false;
    }
  }

  async #askName(): Promise<UserId> {
    for (;;) {
      const text = await askLine(this.#context.io, 'Your name: ');
      try {
        return parseUserId(text);
      } catch (cause) {
        this.#say(asFastChatError(cause).message);
      }
    }
  }

  /** @throws the refusal, when there is no invitation */
  async #askInvitation(refusal: FastChatError): Promise<string> {
    const text = await askLine(this.#context.io, 'Your invitation (Enter alone gives up): ');
    this.#isGivenUp = text === '';
    if (this.#isGivenUp) throw refusal;
    return text;
  }

  async #askNewPassword(): Promise<string> {
    const { io } = this.#context;
    for (;;) {
      const password = await askHidden(io, 'A password: ');
      if (password === '') {
        this.#say('the password is empty: choose one');
        continue;
      }
      if (isWeak(password)) this.#say(WEAK_PASSWORD);
      if ((await askHidden(io, 'Once more: ')) === password) return password;
      this.#say('the two passwords differ: again');
    }
  }

  async #register({ account, client }: OpenAccount, password: string): Promise<void> {
    const { invitation } = this.#answers;
    const { fingerprint, recoveryCode } = await client.register(
      password,
      invitation === undefined ? {} : { invitation },
    );
    this.#say(`You are ${account}. Others check that it is you by your fingerprint:`);
    this.#say(`  ${fingerprint}`);
    this.#say(`Your recovery code is shown this once: ${RECOVERY_ADVICE}`);
    this.#say(`  ${recoveryCode}`);
    for (const line of NEXT_STEPS) this.#say(line);
  }

  async #logIn({ account, client }: OpenAccount, password: string): Promise<void> {
    const { node } = await client.login(password);
    this.#say(`logged in as ${account}, connected to ${node}`);
  }

  #say(text: string): void {
    this.#context.io.stderr.write(`${safe(text)}\n`);
  }
}

/**
 * Makes an account in dialogue, or logs in to one; resolves with its name. A taken name or a server that is not there is
 * asked for again, and leaves nothing behind. @throws Interrupted, E_REGISTRATION when there is no invitation, …
 */
export function firstRun(context: CommandContext): Promise<UserId> {
  return new FirstRun(context).run();
}
