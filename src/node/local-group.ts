/** One group as the node that some of its sessions live on knows it. */
import type { GroupId, UserId } from '../protocol/ids.ts';

export class LocalGroup {
  readonly group: GroupId;
  /** Subscribed sessions, and whose they are. */
  readonly sessions = new Map<number, UserId>();
  /** Subscriptions that are being asked for. */
  asking = 0;
  /** Newest entry heard of. */
  newest = 0;
  renewAtMs: number;

  constructor(group: GroupId, renewAtMs: number) {
    this.group = group;
    this.renewAtMs = renewAtMs;
  }
}
