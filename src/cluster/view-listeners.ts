/** Those who want to hear of every new view; a listener that is gone hears nothing more. */
import type { ClusterView } from './members.ts';

export interface Subscription {
  cancel(): void;
}

export class ViewListeners {
  readonly #listeners = new Set<(view: ClusterView) => void>();

  add(listener: (view: ClusterView) => void): Subscription {
    // A function of its own, so that the same listener may be added twice.
    const entry = (view: ClusterView): void => listener(view);
    this.#listeners.add(entry);
    return { cancel: () => this.#listeners.delete(entry) };
  }

  tell(view: ClusterView): void {
    for (const listener of this.#listeners) listener(view);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
