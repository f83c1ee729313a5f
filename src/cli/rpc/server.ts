/** Runs requests as they come in; they overlap, and each is answered when it is done. */
import { RPC_LINE_BYTES_MAX, RPC_REQUESTS_OPEN_MAX } from '../../protocol/limits.ts';
import { didYouMean } from '../../ops/suggest.ts';
import type { Accounts } from './accounts.ts';
import {
  answer,
  errorOf,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  PARSE_ERROR,
  parseLine,
  protocolError,
  readRequest,
  refusal,
} from './json-rpc.ts';
import type { Answer, Request } from './json-rpc.ts';
import { LineSplitter } from './line-splitter.ts';
import type { SplitLine } from './line-splitter.ts';
import { METHODS } from './methods.ts';
import type { RpcWriter } from './writer.ts';

export class RpcServer {
  readonly #accounts: Accounts;
  readonly #writer: RpcWriter;
  readonly #splitter = new LineSplitter(RPC_LINE_BYTES_MAX);
  readonly #open = new Set<Promise<void>>();

  constructor(accounts: Accounts, writer: RpcWriter) {
    this.#accounts = accounts;
    this.#writer = writer;
  }

  /** Takes input until it ends; reads no further while too many requests run or answers are not taken. */
  async serve(input: AsyncIterable<Buffer | string>): Promise<void> {
    for await (const chunk of input)
      for (const line of this.#splitter.push(Buffer.from(chunk))) await this.#accept(line);
    for (const line of this.#splitter.end()) await this.#accept(line);
  }

  /** Resolves when every request taken so far has been answered. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await Promise.race(this.#open);
  }

  async #accept(line: SplitLine): Promise<void> {
    while (this.#open.size >= RPC_REQUESTS_OPEN_MAX) await Promise.race(this.#open);
    await this.#writer.ready();
    const work = this.#handle(line).then((answered) => {
      this.#open.delete(work);
      if (answered !== undefined) this.#writer.write(answered);
    });
    this.#open.add(work);
  }

  /** Never rejects. */
  async #handle(line: SplitLine): Promise<Answer | readonly Answer[] | undefined> {
    if (line.kind === 'tooLong')
      return refusal(null, protocolError(INVALID_REQUEST, 'the line is too long'));
    // A blank line is how people flush a pipe.
    if (line.bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09))
      return undefined;
    let value: unknown;
    try {
      value = parseLine(line.bytes);
    } catch {
      return refusal(null, protocolError(PARSE_ERROR, 'the line is not JSON'));
    }
    return Array.isArray(value) ? this.#batch(value) : this.#one(value);
  }

  async #batch(values: readonly unknown[]): Promise<Answer | readonly Answer[] | undefined> {
    if (values.length === 0 || values.length > RPC_REQUESTS_OPEN_MAX)
      return refusal(
        null,
        protocolError(INVALID_REQUEST, `a batch has 1 to ${RPC_REQUESTS_OPEN_MAX} requests`),
      );
    const answers = await Promise.all(values.map((value) => this.#one(value)));
    const wanted = answers.filter((one) => one !== undefined);
    return wanted.length === 0 ? undefined : wanted;
  }

  async #one(value: unknown): Promise<Answer | undefined> {
    const request = readRequest(value);
    if ('jsonrpc' in request) return request;
    const answered = await this.#run(request);
    return request.id === undefined ? undefined : answered;
  }

  async #run(request: Request): Promise<Answer> {
    const id = request.id ?? null;
    const method = Object.hasOwn(METHODS, request.method) ? METHODS[request.method] : undefined;
    if (method === undefined) {
      const hint = didYouMean(request.method, Object.keys(METHODS));
      return refusal(id, protocolError(METHOD_NOT_FOUND, `there is no such method${hint}`));
    }
    try {
      return answer(id, await method.call(this.#accounts, request.params));
    } catch (cause) {
      return refusal(id, errorOf(cause));
    }
  }
}
