/** Those who want to hear of every new view and of who lives; a listener that is gone hears nothing more. */
import type { NodeId } from '../protocol/ids.ts';
import type { ClusterView } from './members.ts';

export interface Subscription {
  cancel(): void;
}

export type OnView = (view: ClusterView) => void;
export type OnLive = (live: ReadonlySet<NodeId>) => void;

interface Listener {
  readonly onView: OnView;
  readonly onLive: OnLive | undefined;
}

export class ViewListeners {
  readonly #listeners = new Set<Listener>();

  add(onView: OnView, onLive?: OnLive): Subscription {
    // An object of its own, so that the same functions may be added twice.
    const listener = { onView, onLive };
    this.#listeners.add(listener);
    return { cancel: () => this.#listeners.delete(listener) };
  }

  tell(view: ClusterView): void {
    for (const { onView } of this.#listeners) onView(view);
  }

  tellLive(live: ReadonlySet<NodeId>): void {
    for (const { onLive } of this.#listeners) onLive?.(live);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
