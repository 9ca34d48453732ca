/** Callbacks by event. What one of them throws is reported as a warning of the process and stops nothing. */
export class Listeners<Events> {
  private readonly byEvent = new Map<keyof Events, { call: (value: never) => void; once: boolean }[]>();

  add<E extends keyof Events>(event: E, listener: (value: Events[E]) => void, once: boolean): void {
    const listed = this.byEvent.get(event) ?? [];
    this.byEvent.set(event, [...listed, { call: listener, once }]);
  }

  remove<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): void {
    const listed = this.byEvent.get(event) ?? [];
    const at = listed.findIndex(({ call }) => call === listener);
    if (at >= 0) this.byEvent.set(event, listed.filter((_, i) => i !== at));
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    const listed = this.byEvent.get(event) ?? [];
    for (const { call, once } of listed) {
      if (once) this.remove(event, call as (value: Events[E]) => void);
      try {
        (call as (value: Events[E]) => void)(value);
      } catch (error) {
        reportFailure(error);
      }
    }
  }
}

/** A callback of the application threw: said once each time, without ending anything. */
export function reportFailure(error: unknown): void {
  const warning = error instanceof Error ? error : new Error(String(error));
  process.emitWarning(`A callback given to nexusd-client threw: ${warning.stack ?? warning.message}`, {
    code: 'NEXUSD_CALLBACK',
  });
}
