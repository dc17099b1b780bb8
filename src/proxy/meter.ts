/** What is counted of one proxy, since it was made. */
export interface Meter {
  readonly bytes: Readonly<Record<'upstream' | 'downstream', { received: number; sent: number }>>;
  connections: number;
  open: number;
  dialErrors: number;
}

export const newMeter = (): Meter => ({
  bytes: { upstream: { received: 0, sent: 0 }, downstream: { received: 0, sent: 0 } },
  connections: 0,
  open: 0,
  dialErrors: 0,
});
