/** A value that changes only through one function, and those who watch it. */

import { useEffect, useRef, useState } from "preact/hooks";

export interface Store<State, Event> {
  get(): State;
  dispatch(event: Event): void;
  watch(listener: (now: State, before: State) => void): () => void;
}

export function createStore<State, Event>(
  reduce: (state: State, event: Event) => State,
  initial: State,
): Store<State, Event> {
  let state = initial;
  const listeners = new Set<(now: State, before: State) => void>();
  return {
    get: () => state,
    dispatch(event) {
      const before = state;
      state = reduce(state, event);
      if (state !== before) for (const listener of [...listeners]) listener(state, before);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** For values that need no reducer: what is dispatched is merged in. */
export function createRecord<State extends object>(initial: State): Store<State, Partial<State>> {
  return createStore((state, change) => ({ ...state, ...change }), initial);
}

/** What `select` makes of the store; the component draws again when that changes. */
export function useStore<State, Event, Part>(
  store: Store<State, Event>,
  select: (state: State) => Part,
): Part {
  const [, redraw] = useState({});
  const now = select(store.get());
  const drawn = useRef({ select, now });
  drawn.current = { select, now };
  useEffect(() => {
    const check = () => {
      const { select, now } = drawn.current;
      if (!Object.is(select(store.get()), now)) redraw({});
    };
    check();
    return store.watch(check);
  }, [store]);
  return now;
}
