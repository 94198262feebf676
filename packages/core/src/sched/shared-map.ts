/** A map that tasks use without a lock in common, so that it says who uses it: all keys are one to a checker. */
import type { SharedState } from './shared-state.ts';

export class SharedMap<K, V> extends Map<K, V> {
  private readonly state: SharedState;

  constructor(state: SharedState) {
    super();
    this.state = state;
  }

  override get(key: K): V | undefined {
    this.state.reads();
    return super.get(key);
  }

  override has(key: K): boolean {
    this.state.reads();
    return super.has(key);
  }

  override keys(): MapIterator<K> {
    this.state.reads();
    return super.keys();
  }

  override set(key: K, value: V): this {
    this.state.changes();
    return super.set(key, value);
  }

  override delete(key: K): boolean {
    this.state.changes();
    return super.delete(key);
  }
}
