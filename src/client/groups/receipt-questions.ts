/** Asks groups how far own messages got: at every login, and while somebody waits for a receipt that may have got lost. */
import type { GroupCalls } from './group-calls.ts';
import type { GroupReceipts } from './group-receipts.ts';
import type { Groups } from './groups.ts';

export interface ReceiptQuestionsPorts {
  readonly groups: Groups;
  readonly receipts: GroupReceipts;
  readonly calls: GroupCalls;
}

export class ReceiptQuestions {
  readonly #ports: ReceiptQuestionsPorts;

  constructor(ports: ReceiptQuestionsPorts) {
    this.#ports = ports;
  }

  /** Missing an answer delays a mark until the next time. */
  async ask(): Promise<void> {
    const { groups, receipts, calls } = this.#ports;
    for (const { local } of groups.all()) {
      const seqs = receipts.open(local);
      if (local.isFormer || seqs.length === 0) continue;
      await receipts.answered(local, await calls.receipts(local, seqs));
    }
  }
}
