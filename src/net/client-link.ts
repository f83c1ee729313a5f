/**
 * The wire between a client and a gate: whole frames both ways, byte-bounded, over TLS in production and in memory in
 * simulation. Knows nothing of what frames mean.
 */

export interface ClientLink {
  /**
   * Sends frames of 1 to CLIENT_FRAME_BYTES_MAX bytes each, in one write: whoever has much to say gathers it first. False
   * when more than SESSION_WRITE_BYTES_PAUSE wait to be written; the frames are taken all the same, unless the link is
   * closing.
   */
  send(...frames: readonly Uint8Array[]): boolean;
  /** Bytes sent and not yet taken by the network. */
  readonly pendingBytes: number;
  /** Bytes that came so far, also of a frame that is not all there. */
  readonly receivedBytes: number;
  /** Writes what was sent, then closes, at the latest after LINK_CLOSE_TIMEOUT_MS; `reason` stays on this side. */
  close(reason?: string): void;
  /** Closes at once, dropping what is not written. */
  destroy(reason?: string): void;
  /** Where the other side is, for rate limits: an IPv4 address, or the /64 of an IPv6 address. */
  readonly source: string;
  /**
   * The other side proved who it is: from now on frames up to CLIENT_FRAME_BYTES_MAX are taken (HELLO_FRAME_BYTES_MAX
   * before), and the link no longer counts against the unauthenticated ones of its source. An accepted link that is not
   * trusted within LOGIN_TIMEOUT_MS is destroyed. A dialled link is trusted from the start.
   */
  trust(): void;
}

/** Set by whoever accepted or dialled the link, before any event can fire. */
export interface ClientLinkEvents {
  /** `frame` may be a view of a larger buffer: copy what is kept. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** The send queue fell below the pause mark. */
  readonly onWritable: () => void;
  /** Fires once, also after `close` and `destroy` of this side; undefined reason: the other side closed in order. */
  readonly onClose: (reason: string | undefined) => void;
}

export interface LinkListener {
  readonly host: string;
  readonly port: number;
  /** Stops accepting; open links stay. */
  stopAccepting(): void;
  close(): Promise<void>;
}

export interface GateOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Called per accepted link, after its handshake; the returned events belong to that link. */
  readonly onLink: (link: ClientLink) => ClientLinkEvents;
}

/** Where to dial and which cluster key to expect there. */
export interface DialTarget {
  readonly host: string;
  readonly port: number;
  /** SHA-256 of the cluster's TLS public key (SPKI); undefined: accept any and report it. */
  readonly fingerprint: Uint8Array | undefined;
}

export interface DialledLink {
  readonly link: ClientLink;
  /** What the other side showed. */
  readonly fingerprint: Uint8Array;
}

export interface LinkNetwork {
  /** @throws E_CONFIG (the address cannot be listened on) */
  listen(options: GateOptions): Promise<LinkListener>;
  /** @throws E_UNREACHABLE, E_KEY_CHANGED (the fingerprint differs), E_TIMEOUT, E_VERSION (not a FastChat gate) */
  dial(target: DialTarget, events: ClientLinkEvents): Promise<DialledLink>;
}
