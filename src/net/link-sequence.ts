/** The numbers of the frames heard from one peer: tells losses and repetitions, never asks for anything again. */

export class LinkSequence {
  #last = 0;

  /** The newest number heard. */
  get last(): number {
    return this.#last;
  }

  /** A link begins with frame `seq`. The same boot goes on counting, so what was lost at the break shows as a gap. */
  begin(seq: number, isSameBoot: boolean): void {
    if (!isSameBoot || seq <= this.#last) this.#last = seq - 1;
  }

  /** How many frames are missing before `seq`; -1 when it was heard already or was overtaken. */
  accept(seq: number): number {
    const missing = seq - this.#last - 1;
    if (missing < 0) return -1;
    this.#last = seq;
    return missing;
  }
}
